# What can be wrong with clusters, fleets, and where services run, beside a lack of room.

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

cluster "unmeasured" {
  directory {
    path = "out/unmeasured"
  }
}

cluster "wrong" {
  directory {
    path = "out/wrong"
  }
  capacity {
    cpu    = "many"
    memory = "64GB"
  }
}

nginx "edge" {
  flavor = "apache"
  directory {
    path = "out/edge"
  }
}

application "unmeasured" {
  placement {
    clusters = [cluster.large, cluster.unmeasured]
  }
}

application "weights" {
  placement {
    clusters = [cluster.large, cluster.unmeasured]
    strategy = "weighted"
    weights  = { large = 1, unmeasured = -1 }
  }
}

application "null" {
  placement {
    clusters = [cluster.large]
    weights  = { large = null }
  }
}

application "list" {
  placement {
    clusters = cluster.large
  }
}

application "none" {
  placement {
    clusters = []
  }
}

application "bounds" {
  placement {
    clusters        = [cluster.large]
    min_per_cluster = 0.5
    max_per_cluster = -1
  }
}
