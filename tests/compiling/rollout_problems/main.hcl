application "shop" {
  network_policy = false
  placement {
    clusters = [cluster.a, cluster.b]
    strategy = "duplicated"
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    rollout {
      canary     = cluster.c
      on_failure = "rolback"
      order      = "cluster"
      timeout    = "soon"
    }
  }

  service "api" {
    image    = "shop/api:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    rollout {
      canary = "b"
      wait   = false
    }
  }
}

application "portal" {
  network_policy = false
  placement {
    clusters = [cluster.a, cluster.b]
    strategy = "duplicated"
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 1
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    rollout {
      canary = cluster.c
    }
  }
}
