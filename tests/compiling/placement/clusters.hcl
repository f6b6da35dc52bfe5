cluster "large" {
  directory {
    path = "out/large"
  }
  capacity {
    cpu    = "160"
    memory = "640Gi"
    pods   = 1000
  }
}

cluster "small" {
  directory {
    path = "out/small"
  }
  capacity {
    cpu    = "80"
    memory = "320Gi"
    pods   = 1000
  }
}
