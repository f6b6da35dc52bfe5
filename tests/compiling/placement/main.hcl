application "free" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]

  }

  service "web" {
    image    = "shop/web:1"
    replicas = 6
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "weighted" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
    strategy = "weighted"
    weights  = { large = 1, small = 3 }
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 8
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "duplicated" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
    strategy = "duplicated"
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 2
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "single" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
    strategy = "single"
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 5
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "bounded" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
    min_per_cluster = 3
    max_per_cluster = 5
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 8
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

# Follows the load between two numbers; nothing is decided yet.
application "scaled" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 1
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
    autoscale {
      min = 3
      max = 9
      cpu = "60%"
    }
  }
}
