application "shop" {
  placement {
    clusters = [cluster.a]
  }

  service "web" {
    kind     = "deploymnt"
    image    = "shop/web:1"
    runtime  = "jave"
    schedule = "30 2 * * *"
  }

  service "Api" {
    image = "shop/api:1"
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "cron" {
    kind         = "cron_job"
    image        = "shop/cron:1"
    replicas     = 1.5
    grace_period = "soon"
    depends_on   = [service.cron, service.wep, external.orders]
    connects     = [application.shop]
    port "http" {
      number    = 70000
      node_port = 80
    }
    health {
      path   = "/healthz"
      port   = "htpp"
      period = "10"
    }
    resources {
      cpu    = "half"
      memory = "1GB"
    }
    autoscale {
      min = 3
      max = 2
    }
  }

  # Several copies cannot share a disk that one node mounts.
  service "disk" {
    image    = "shop/disk:1"
    replicas = 2
    volume "data" {
      path   = "data"
      size   = "big"
      access = "ReadWriteMost"
    }
    volume "own" {
      path = "/own"
      size = "1Gi"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
    disruption {
      min_available   = "1"
      max_unavailable = "many"
    }
  }
}
