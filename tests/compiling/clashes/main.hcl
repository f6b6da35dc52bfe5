cluster "a" {
  directory {
    path = "out/a"
  }
}

cluster "b" {
  directory {
    path = "out/b"
  }
}

nginx "edge" {
  directory {
    path = "out/edge"
  }
}

application "one" {
  namespace = "shared"
  placement {
    clusters = [cluster.a]
  }
  service "web" {
    image = "shop/web:1"
    port "http" {
      number    = 8080
      node_port = 30080
    }
    port "other" {
      number    = 8081
      node_port = 30081
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

# The same objects once more, and the same port of the nodes; in another cluster both are free.
application "two" {
  namespace = "shared"
  placement {
    clusters = [cluster.a, cluster.b]
    strategy = "duplicated"
  }
  service "web" {
    image = "shop/web:2"
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
  service "api" {
    image = "shop/api:2"
    port "http" {
      number    = 8080
      node_port = 30080
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

route "one" {
  nginx = nginx.edge
  hosts = ["shop.example.com", "one.example.com"]
  location "/" {
    redirect = "https://www.example.com/"
  }
}

route "two" {
  nginx = nginx.edge
  hosts = ["two.example.com", "SHOP.example.com"]
  location "/" {
    redirect = "https://www.example.com/"
  }
}
