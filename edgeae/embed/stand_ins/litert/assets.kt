// Stands in for Android's class on a host.
package android.content.res

class AssetManager
