cluster "a" {
  directory {
    path = "out/a"
  }
}

cluster "b" {
  directory {
    path = "out/b"
  }
}

cluster "c" {
  directory {
    path = "out/c"
  }
}
