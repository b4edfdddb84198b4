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
        minSdk = 23
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
        consumerProguardFiles("consumer-rules.pro")
$abis    }

    externalNativeBuild {
        cmake {
            path = file("src/main/cpp/CMakeLists.txt")
        }
    }

    publishing {
        singleVariant("release")
    }
}

dependencies {
    androidTestImplementation("androidx.test:runner:1.7.0")
}

$publishing
