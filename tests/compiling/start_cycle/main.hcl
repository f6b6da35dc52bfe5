application "shop" {
  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image      = "shop/web:1"
    depends_on = [service.api]
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }

  service "api" {
    image      = "shop/api:1"
    depends_on = [service.cache]
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }

  service "cache" {
    image      = "shop/cache:1"
    depends_on = [service.web]
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
}
