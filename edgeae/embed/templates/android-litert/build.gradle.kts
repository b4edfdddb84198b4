// $comment
plugins {
    id("com.android.library")
    `maven-publish`
}

group = "dev.edgeae"
version = "$version"
description = $description

android {
    namespace = "$package"
    compileSdk = 36

    defaultConfig {
        // the table at https://developers.google.com/edge/litert/android says 23, but the manifest of
        // LiteRT's package says 24, and Gradle refuses less
        minSdk = 24
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
    }

    androidResources {
        // the app that takes this module needs the line, too: it packs the assets
        noCompress += "tflite"
    }

    publishing {
        singleVariant("release")
    }
}

dependencies {
    // coordinates and version: https://developers.google.com/edge/litert/android
    api("com.google.ai.edge.litert:litert:2.3.2")
    // since 2.3.0 the GPU is a package of its own; without it the GPU refuses each model:
    // implementation("com.google.ai.edge.litert:litert-gpu:2.3.2")
    androidTestImplementation("androidx.test:runner:1.7.0")
}

$publishing
