//! What is told about configurations: each case is the text of files and the problems, one a
//! line, as `severity summary file:line:column` with further places after it.

use std::fs;
use std::sync::Arc;

use portolan_lang::{Diagnostics, Severity, Sources};

use super::{Config, load};
use crate::catalog::Catalog;

/// Loads a configuration of one or more files; lines that begin with `-- ` name the files.
fn configuration(text: &str) -> (Config, Diagnostics) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut name = "main.hcl";
    let mut files: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        let line = line.strip_prefix("        ").unwrap_or(line);
        if let Some(next) = line.strip_prefix("-- ") {
            name = next;
            files.push((name, String::new()));
            continue;
        }
        if !files.iter().any(|(file, _)| *file == name) {
            files.push((name, String::new()));
        }
        let (_, text) = files.last_mut().expect("a file");
        text.push_str(line);
        text.push('\n');
    }
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    load(directory.path(), &catalog())
}

fn catalog() -> Catalog {
    Catalog::new([Arc::new(portolan_builtin::Builtin::new()) as Arc<dyn portolan_provider::Provider>])
}

fn rendered(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        text.push_str(&format!("{severity} {}", diagnostic.summary));
        for label in &diagnostic.labels {
            let position = sources.position(label.span);
            let file = sources.get(label.span.file).map_or("?", |file| &*file.name);
            text.push_str(&format!(" {file}:{}:{}", position.line, position.column));
        }
        if let Some(help) = &diagnostic.help {
            text.push_str(&format!(" ({help})"));
        }
        text.push('\n');
    }
    text
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let (config, diagnostics) = configuration(text);
    let rendered = rendered(&diagnostics, &config.sources);
    let lines = |text: &str| text.trim().lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&rendered), lines(expected));
}

#[test]
fn nothing_is_said_about_what_is_right() {
    check(
        r#"
        variable "x" {
          type    = string
          default = "a"
          validation {
            condition     = var.x != ""
            error_message = "x"
          }
        }
        locals {
          a = [for k, v in { p = var.x } : "${k}${v}"]
        }
        resource "terraform_data" "a" {
          count = 2
          input = { x = local.a[0], i = count.index }
          lifecycle {
            ignore_changes = [input.x]
            postcondition {
              condition     = self.output != null
              error_message = "x"
            }
          }
        }
        resource "terraform_data" "b" {
          for_each   = toset(terraform_data.a[*].id)
          depends_on = [terraform_data.a, module.m]
          input      = each.key
        }
        module "m" {
          source = "./m"
          y      = terraform_data.a[0].output
        }
        output "o" {
          value = [module.m.z, path.module, terraform.workspace, portolan.workspace]
        }
        -- m/m.hcl
        variable "y" {}
        output "z" { value = var.y }
        "#,
        "",
    );
}

/// Every problem of a list of cases, each a comment line with what is expected and a text.
#[test]
fn names_that_are_not_declared() {
    check(
        r#"
        variable "cluster" {}
        locals { region = 1 }
        resource "terraform_data" "a" {
          input = terraform_data.b.id
        }
        output "a" { value = var.clutser }
        output "b" { value = local.regoin }
        output "c" { value = module.m.x }
        output "d" { value = foo }
        output "e" { value = cluster }
        output "f" { value = path.nope }
        output "g" { value = data.terraform_remote_state.r.outputs }
        output "h" { value = terraform_dat.a.id }
        output "i" { value = self.x }
        output "j" { value = terraform_data.a.otput }
        output "k" { value = terraform_data.a[0] }
        "#,
        r#"
        error Reference to undeclared input variable main.hcl:7:22 (Did you mean "cluster"?)
        error Reference to undeclared local value main.hcl:8:22 (Did you mean "region"?)
        error Reference to undeclared module main.hcl:9:22
        error Invalid reference main.hcl:10:22
        error Invalid reference main.hcl:11:22 (Did you mean var.cluster?)
        error Invalid "path" attribute main.hcl:12:22
        error Reference to undeclared resource main.hcl:13:22
        error Reference to undeclared resource main.hcl:14:22 (Did you mean "terraform_data"?)
        error Invalid "self" reference main.hcl:15:22
        error Unsupported attribute main.hcl:16:38 (Did you mean "output"?)
        error Unexpected resource instance key main.hcl:17:22 (Take [0] away.)
        error Reference to undeclared resource main.hcl:5:11
        "#,
    );
}

#[test]
fn loops_are_told_in_order() {
    check(
        r#"
        locals {
          a = local.b
          b = [local.c]
          c = local.a
        }
        resource "terraform_data" "x" {
          input = terraform_data.y.id
        }
        resource "terraform_data" "y" {
          depends_on = [terraform_data.x]
        }
        module "p" {
          source = "./p"
          x      = module.q.ox
          y      = 1
        }
        module "q" {
          source = "./p"
          x      = module.p.ox
          y      = module.p.oy
        }
        -- p/p.hcl
        variable "x" {}
        variable "y" {}
        output "ox" { value = var.x }
        output "oy" { value = var.y }
        "#,
        r#"
        error Cycle main.hcl:3:7 main.hcl:4:8 main.hcl:5:7 (Take one of these references away, or give one of the values in another way.)
        error Cycle main.hcl:8:11 main.hcl:11:17 (Take one of these references away, or give one of the values in another way.)
        error Cycle main.hcl:15:12 p/p.hcl:3:23 main.hcl:20:12 p/p.hcl:3:23 (Take one of these references away, or give one of the values in another way.)
        "#,
    );
}
