# Everything that can be wrong with a service by itself.

cluster "a" {
  directory {
    path = "out/a"
  }
}

application "kinds" {
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
    connects     = [service.cron, cluster.a]
    depends_on   = [external.orders]
    port "http" {
      number    = 70000
      node_port = 80
    }
    port "a-name-that-is-too-long" {
      number   = 80
      protocol = "HTTP"
    }
    health {
      path   = "/healthz"
      port   = "htpp"
      period = "10"
    }
    resources {
      cpu               = "half"
      memory            = "1GB"
      ephemeral_storage = "much"
    }
    volume "Data" {
      path   = "data"
      size   = "big"
      access = "ReadWriteMost"
    }
    disruption {
      min_available   = "some"
      max_unavailable = "many"
    }
  }

  external "orders" {
    addresses = ["192.0.2.1:80"]
  }
}

# Of what is asked whether a service is healthy.
application "health" {
  placement {
    clusters = [cluster.a]
  }

  service "both" {
    image = "shop/both:1"
    health {
      path    = "/healthz"
      command = ["true"]
      timeout = "1 minute"
      startup = "-1s"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "nothing" {
    image = "shop/nothing:1"
    port "http" {
      number = 80
    }
    health {
      period = "10s"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "no-port" {
    image = "shop/no-port:1"
    health {
      path = "/healthz"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "ports" {
    image = "shop/ports:1"
    port "http" {
      number = 80
    }
    port "metrics" {
      number = 81
    }
    health {
      path = "/healthz"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

# What is found once copies are counted and placed.
application "numbers" {
  placement {
    clusters = [cluster.a]
  }

  service "bounds" {
    image = "shop/bounds:1"
    autoscale {
      min = 3
      max = 2
      cpu = "60%"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "negative" {
    image = "shop/negative:1"
    autoscale {
      min = -1
      max = 2
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "asks" {
    image = "shop/asks:1"
    autoscale {
      min = 0
      max = 2
      prometheus "queue" {
        url           = "prometheus:9090"
        query         = "queue"
        average_value = 0
        token         = "abc"
      }
      prometheus "errors" {
        url   = "https://example.org"
        query = "errors"
      }
      schedule "day" {
        start     = "0 8 * *"
        end       = "0 25 * * mon-fry"
        time_zone = "Middle/Earth"
      }
      schedule "night" {
        start = "0 20 * * *"
        end   = "0 8 * * *"
        min   = 3
        max   = 2
      }
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "follows" {
    image = "shop/follows:1"
    kind  = "job"
    autoscale {
      min       = 0
      max       = 2
      cpu       = "much"
      memory    = "0%"
      tolerance = "a bit"
      scale_up {
        select        = "mix"
        stabilization = "2h"
        policy {
          period = "1m"
        }
        policy {
          pods   = 0
          period = "0s"
        }
      }
      scale_down {
        policy {
          pods    = 1
          percent = 10
          period  = "soon"
        }
      }
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

# Several copies cannot share a disk that one node mounts.
application "disks" {
  placement {
    clusters = [cluster.a]
  }

  service "copies" {
    image    = "shop/copies:1"
    replicas = 2
    volume "own" {
      path = "/own"
      size = "1Gi"
    }
    volume "shared" {
      path   = "/shared"
      size   = "1Gi"
      access = "ReadWriteMany"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }

  service "agent" {
    kind  = "daemon_set"
    image = "shop/agent:1"
    volume "own" {
      path   = "/own"
      size   = "1Gi"
      access = "ReadWriteOncePod"
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "names" {
  namespace = "Names"
  placement {
    clusters = [cluster.a]
  }
}

# A circle that only shows once the services are made.
application "circle" {
  placement {
    clusters = [cluster.a]
  }

  dynamic "service" {
    for_each = ["a"]
    labels   = [service.value]
    content {
      image      = "shop/a:1"
      depends_on = [service.b]
      resources {
        cpu    = "1"
        memory = "1Gi"
      }
    }
  }

  service "b" {
    image      = "shop/b:1"
    depends_on = [service.a]
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

# What is defined by itself.
application "itself" {
  placement {
    clusters = [cluster.a]
  }

  external "a" {
    addresses = external.b.addresses
  }

  external "b" {
    addresses = external.a.addresses
  }
}
