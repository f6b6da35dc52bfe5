# Both clusters are directories of manifests here, so that the example needs nothing but the
# program. A real one has `kubernetes { context = "beijing" }` in place of `directory`, and
# measures its capacity itself.

cluster "beijing" {
  region         = "north"
  node_addresses = ["198.51.100.11", "198.51.100.12", "198.51.100.13"]

  directory {
    path = "out/beijing"
  }
  capacity {
    cpu    = "96"
    memory = "384Gi"
    pods   = 660
  }
}

cluster "shanghai" {
  region         = "east"
  node_addresses = ["198.51.100.21", "198.51.100.22"]

  directory {
    path = "out/shanghai"
  }
  capacity {
    cpu    = "48"
    memory = "192Gi"
    pods   = 330
  }
}
