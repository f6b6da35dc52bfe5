application "full" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]

  }

  service "web" {
    image    = "shop/web:1"
    replicas = 30
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "strategy" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
    strategy = "free_capcity"
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 1
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "weights" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
    strategy = "weighted"
    weights  = { large = 1, tiny = 1 }
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 1
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "bounds" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
    max_per_cluster = 2
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

application "twice" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.large]

  }

  service "web" {
    image    = "shop/web:1"
    replicas = 1
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "quoted" {
  network_policy = false

  placement {
    clusters = ["large"]

  }

  service "web" {
    image    = "shop/web:1"
    replicas = 1
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

