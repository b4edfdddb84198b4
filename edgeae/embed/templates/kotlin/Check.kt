package $package

${imports}import kotlin.system.exitProcess

/** Runs the golden vectors on the virtual machine of a host; Gradle does not build this file. */
fun main() {
    val counts = Golden.wrongValues($argument)
    for ((part, wrong) in counts) {
        println("$$part: $$wrong wrong values")
    }
    val passed = counts.values.all { it == 0 }
    println(if (passed) "PASS" else "FAIL")
    exitProcess(if (passed) 0 else 1)
}
