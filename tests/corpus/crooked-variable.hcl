variable "a" {
  type    = list(list(list(object({ x = optional(list(any), [1, "a", {}]) }))))
  default = [[[{}]]]
  validation {
    condition     = var.a[0][0][0].x[9] == self.a
    error_message = var.b
  }
}
