    /// $doc
    public func $head -> [$result] {
        precondition($given.count == Self.$size, "$given: \($given.count) values, not $count")
        return [$result](unsafeUninitializedCapacity: Self.$size) { result, count in
            ${name}_$function($given, result.baseAddress!)
            count = Self.$size
        }
    }
