application "shop" {
  network_policy = false

  placement {
    clusters = [cluster.large, cluster.small]
  }

  external "orders" {
    addresses = ["192.0.2.10:8080", "192.0.2.11:8080"]
  }

  service "web" {
    image    = "shop/web:1"
    replicas = 6
    port "http" {
      number    = 8080
      node_port = 30080
    }
    port "admin" {
      number = 8081
    }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}
