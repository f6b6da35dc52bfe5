cluster "beijing" {
  region = "north"
  directory {
    path = "out/beijing"
  }
  capacity {
    cpu = "40"
  }
}

cluster "remote" {
  directory {
    path = "out/remote"
  }
  capacity {
    cpu = "40"
  }
}
