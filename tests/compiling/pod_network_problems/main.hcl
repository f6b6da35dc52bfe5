network "pods" {
  cidr = "10.244.0.0/16"
  etcd {
    endpoints = ["http://127.0.0.1:2379"]
  }

  # Elsewhere, too large, and twice the same address.
  node "elsewhere" {
    subnet  = "10.9.0.0/24"
    address = "192.0.2.11"
  }
  node "large" {
    subnet  = "10.244.0.0/20"
    address = "192.0.2.11"
  }
  node "inside" {
    subnet  = "10.244.3.0/24"
    address = "192.0.2.13"
  }
  node "behind" {
    subnet  = "10.244.4.0/24"
    address = "192.0.2.14"
  }

  # No cluster is told.
  masquerade {
    except = ["10.0.0.0/8"]
  }
}

# The same place in the same etcd.
network "again" {
  cidr     = "10.245.0.0/16"
  clusters = ["beijing"]
  etcd {
    endpoints = ["http://127.0.0.1:2379"]
    prefix    = "/coreos.com/network/"
  }
}

network "unreadable" {
  cidr = "10.300.0.0/16"
  etcd {
    endpoints = ["http://127.0.0.1:2380"]
  }
}
