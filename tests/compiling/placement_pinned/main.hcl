# Placed before, when the clusters were of other sizes: the weights stay.
application "pinned" {
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

# The number has changed, and so has the division.
application "changed" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]

  }

  service "web" {
    image    = "shop/web:1"
    replicas = 9
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

# Follows the load between two numbers: the decision counts, within the bounds.
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
