variable "etcd_password" {
  type      = string
  sensitive = true
  default   = "secret"
}

cluster "beijing" {
  directory {
    path = "out/beijing"
  }
}

cluster "sites" {
  for_each = toset(["north"])
  directory {
    path = "out/${each.key}"
  }
}

# All that can be said.
network "pods" {
  cidr          = "10.244.0.0/16"
  subnet_length = 24
  subnet_min    = "10.244.10.0"
  clusters      = [cluster.beijing, cluster.sites["north"]]

  vxlan {
    vni            = 42
    direct_routing = true
  }
  etcd {
    endpoints = ["https://192.0.2.5:2379", "https://192.0.2.6:2379"]
    prefix    = "/platform/network"
    username  = "portolan"
    password  = var.etcd_password
  }
  node "a1" {
    subnet  = "10.244.10.0/24"
    address = "192.0.2.11"
    mac     = "0e:1f:42:00:00:01"
  }
  node "a2" {
    subnet  = "10.244.11.0/24"
    address = "192.0.2.12"
  }
  masquerade {
    except = ["10.0.0.0/8", "10.244.0.0/16"]
  }
}

# As little as can be said.
network "plain" {
  cidr = "10.245.0.0/16"
  etcd {
    endpoints = ["http://127.0.0.1:2379"]
  }
}
