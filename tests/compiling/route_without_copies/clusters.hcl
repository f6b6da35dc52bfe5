cluster "large" {
  node_addresses = ["192.0.2.1", "192.0.2.2"]
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
  node_addresses = ["2001:db8::9"]
  directory {
    path = "out/small"
  }
  capacity {
    cpu    = "8"
    memory = "32Gi"
    pods   = 100
  }
}

nginx "edge" {
  version   = "1.22"
  addresses = ["192.0.2.80"]
  directory {
    path = "out/edge"
  }
}

nginx "new" {
  version    = "1.27"
  listen     = ["*", "[::]"]
  http_port  = 8080
  https_port = 8443
  directory {
    path = "out/new"
  }
}
