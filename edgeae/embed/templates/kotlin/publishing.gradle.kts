publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "$name"
            afterEvaluate { from(components["release"]) }
            pom {
                name.set($title)
                description.set($description)
$details            }
        }
    }
}
