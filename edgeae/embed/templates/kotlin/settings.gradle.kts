// Only for building this folder by itself. An app takes the folder as a module, and its own
// settings.gradle.kts names it: include(":$name")
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
    plugins {
        // 9.0 compiles Kotlin without another plugin; it takes Gradle 9.1 and JDK 17:
        // https://developer.android.com/build/releases/agp-9-0-0-release-notes
        id("com.android.library") version "9.0.0"
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "$name"
