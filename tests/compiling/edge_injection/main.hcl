# Texts that try to be more than texts: each is refused, or is one word and no more.

locals {
  attacks = {
    semicolon = "a; return 200 pwned; #"
    brace     = "a} location /x { return 200 pwned; "
    double    = "\"; return 200 pwned; \""
    single    = "'; return 200 pwned; '"
    backslash = "\\\"; return 200 pwned; \\"
    crlf      = "a\r\nSet-Cookie: b=c"
    dollar    = "$request_body_nothing"
    comment   = "#comment"
    climbing  = "../../etc/passwd"
  }
}

application "shop" {
  external "old" {
    addresses = ["192.0.2.10:8080"]
  }
}

nginx "edge" {
  version      = "1.27.3"
  load_modules = ["/usr/lib/nginx/modules/ngx_stream_module.so"]

  rate_limit "clients" {
    rate = "10r/s"
  }
  directory {
    path = "out/edge"
  }
}

# The values of headers are texts.
route "headers" {
  for_each = { for name, attack in local.attacks : name => attack if !contains(["crlf", "dollar"], name) }
  nginx    = nginx.edge
  hosts    = ["${each.key}.headers.example.com"]

  location "/" {
    to         = application.shop.external.old
    headers    = { X-A = each.value }
    directives = { proxy_set_header = ["X-B", each.value] }
  }
}

# So are paths, as long as they are paths.
route "paths" {
  nginx = nginx.edge
  hosts = ["paths.example.com"]

  location "/a;b{c}d#e'f\"g\\h" {
    to       = application.shop.external.old
    rewrites = [{ from = "^/a;b{c}$", to = "/x;y{z}#'\"" }]
  }
  location "^/a;b#\\d{2,3}'\"$" {
    to    = application.shop.external.old
    match = "regex"
  }
}
