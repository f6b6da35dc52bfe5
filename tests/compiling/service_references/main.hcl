# What is told about references to services before anything is evaluated.

application "shop" {
  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image = "shop/web:1"
    env   = { NAME = service }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "cron" {
    kind       = "cron_job"
    image      = "shop/cron:1"
    depends_on = [service.cron, service.wep, external.orders]
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}
