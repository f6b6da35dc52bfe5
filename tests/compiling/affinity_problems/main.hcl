application "region" {
  placement {
    regions = ["nroth"]
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

application "labels" {
  placement {
    labels = { tier = "gold" }
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

application "nobody" {
  placement {
    exclude = [cluster.beijing, cluster.remote]
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

application "groups" {
  placement {
    spread "region" {
      max_groups = 1
    }
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

application "word" {
  placement {
    spread "regoin" {}
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

application "bounds" {
  placement {
    min_per_cluster = 3
    max_per_cluster = 2
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

application "few" {
  placement {
    spread "cluster" {
      min_groups = 3
    }
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

application "name" {
  placement {
    min_replicas = { biejing = 1 }
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

application "number" {
  placement {
    max_replicas = { beijing = -1 }
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

application "none" {
  placement {
    spread "cluster" {
      max_groups = 0
    }
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

# How many there are of one depends on how another one is placed.
application "follower" {
  placement {}

  service "web" {
    image    = "shop/web:1"
    replicas = application.leader.service.web.replicas
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
    toleration {
      effect = "NoShedule"
    }
  }
}

application "leader" {
  placement {}

  service "web" {
    image    = "shop/web:1"
    replicas = 2
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}
