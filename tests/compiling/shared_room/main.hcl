# Two applications share two clusters: what is there keeps its room, then those that grow take
# theirs, then the new ones, in the order of their addresses.
cluster "a" {
  directory {
    path = "out/a"
  }
  capacity {
    cpu  = "10"
    pods = 100
  }
}

cluster "b" {
  directory {
    path = "out/b"
  }
  capacity {
    cpu  = "10"
    pods = 100
  }
}

application "new" {
  network_policy = false
  placement {}

  service "web" {
    image    = "shop/web:1"
    replicas = 5
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "old" {
  network_policy = false
  placement {}

  # Grows from 8 to 9.
  service "api" {
    image    = "shop/api:1"
    replicas = 9
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
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

# Nothing is left for it.
application "third" {
  network_policy = false
  placement {}

  service "web" {
    image = "shop/web:1"
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}
