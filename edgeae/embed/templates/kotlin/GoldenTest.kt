package $package

${imports}import org.junit.Assert.assertEquals
import org.junit.Test

/** Runs on a device or an emulator: `gradle connectedAndroidTest`. */
class GoldenTest {
    @Test
    fun everyValueIsThatOfTheGoldenVectors() {
        val counts = Golden.wrongValues($argument)
        for ((part, wrong) in counts) {
            assertEquals("wrong values of $$part", 0, wrong)
        }
    }
}
