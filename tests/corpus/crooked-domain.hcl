application "a" {
  placement {
    clusters = [cluster.none, application.a]
  }
  service "x" {
    image    = null
    replicas = -1
    depends_on = [service.x]
  }
}
route "r" {
  nginx = route.r
  hosts = ["*", ""]
}
dns_record "d" {
  zone = dns_record.d
}
