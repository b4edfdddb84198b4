// Stands in for Android's class on a host: what the classes of `android-litert` ask of it.
package android.content

import android.content.res.AssetManager

class Context {
    val assets = AssetManager()
}
