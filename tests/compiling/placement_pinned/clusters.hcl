cluster "large" {
  directory {
    path = "out/large"
  }
  capacity {
    cpu    = "16"
    memory = "64Gi"
    pods   = 100
  }
}

cluster "small" {
  directory {
    path = "out/small"
  }
  capacity {
    cpu    = "8"
    memory = "32Gi"
    pods   = 100
  }
}
