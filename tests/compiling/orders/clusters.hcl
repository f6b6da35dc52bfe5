cluster "a" {
  directory {
    path = "out/a"
  }
}
