

    private fun $read(name: String): $array {
        val values = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN).as$view()
        return $array(values.remaining()).also { values.get(it) }
    }
