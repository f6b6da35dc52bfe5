application "shop" {
  external "database" {
    addresses = ["192.0.2.10:3306", "192.0.2.11:3306"]
  }
  external "names" {
    addresses = ["192.0.2.53:53"]
  }
}

nginx "edge" {
  version      = "1.22"
  load_modules = ["/usr/lib/nginx/modules/ngx_stream_module.so"]

  template "slow" {
    context    = "stream_server"
    directives = { proxy_next_upstream_timeout = "3s" }
  }
  directory {
    path = "out/edge"
  }
}

stream "database" {
  nginx      = nginx.edge
  listen     = 3306
  to         = application.shop.external.database
  balance    = "client"
  allow      = ["192.0.2.0/24"]
  access_log = "database.log"
  templates  = ["slow"]
  directives = { tcp_nodelay = true }
}

stream "names" {
  nginx     = nginx.edge
  listen    = 53
  protocol  = "udp"
  to        = application.shop.external.names
  responses = 1
  timeout   = "5s"
}

# Encrypted connections stay so: only the name in the handshake is read.
stream "encrypted" {
  nginx  = nginx.edge
  listen = 8443
  to     = application.shop.external.names

  sni "database" {
    hosts = ["db.example.com", "*.db.example.com"]

    backend "first" {
      to = application.shop.external.database
    }
    backend "second" {
      to     = application.shop.external.names
      backup = true
    }
  }
}
