application "shop" {
  for_each       = { eu = "shop-eu", us = "shop-us" }
  namespace      = each.value
  network_policy = false

  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image = "shop/web:${each.key}"
    env   = { SELF = service.web.host }
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

nginx "edge" {
  count = 2
  directory {
    path = "out/edge-${count.index}"
  }
}

route "orders" {
  count = 2
  nginx = nginx.edge[count.index]
  hosts = ["orders.example.com"]
  location "/" {
    redirect = "https://www.example.com/"
  }
}
