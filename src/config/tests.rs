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

#[test]
fn bodies_that_do_not_fit() {
    check(
        r#"
        resource "terraform_data" "a" {
          inptu = 1
          id    = "x"
          count = 1
          for_each = {}
        }
        resource "terraform_dta" "b" {}
        resource "terraform_remote_state" "c" {}
        resource "terraform_data" "d" {
          lifecycle {
            ignore_changes = [nope, id]
          }
          lifecycle {}
        }
        output "o" {
          vaule = 1
        }
        variable "count" {}
        variable "v" {
          type    = object({ a = string })
          default = {}
        }
        module "m" {
          source = "names"
        }
        module "n" {
          source = "./n"
          z      = 1
        }
        -- n/n.hcl
        variable "x" {}
        module "itself" {
          source = "../n"
        }
        "#,
        r#"
        error Invalid combination of "count" and "for_each" main.hcl:6:3 main.hcl:5:3
        error Unsupported argument main.hcl:3:3 (Did you mean "input"?)
        error "id" attribute is read-only main.hcl:4:3 (Take this argument away.)
        error Invalid resource type main.hcl:8:10 (Did you mean "terraform_data"?)
        error Invalid resource type main.hcl:9:10 (It can be declared in a data block.)
        error Duplicate lifecycle block main.hcl:14:3 main.hcl:11:3
        error Missing required argument main.hcl:16:12
        error Unsupported argument main.hcl:17:3 (Did you mean "value"?)
        error Invalid variable name main.hcl:19:10
        error Invalid default value for variable main.hcl:22:13
        error Invalid module source main.hcl:25:12 (For a directory beside this file, write "./names".)
        error Module calls itself n/n.hcl:3:12
        error Unsupported argument main.hcl:29:3
        error Missing required argument main.hcl:27:12 n/n.hcl:1:1
        error Unsupported attribute main.hcl:12:23
        warning Redundant ignore_changes element main.hcl:10:1 main.hcl:12:29
        "#,
    );
}

#[test]
fn overrides_change_what_others_declare() {
    check(
        r#"
        locals { a = 1 }
        resource "terraform_data" "x" {
          input = local.a
          lifecycle {
            create_before_destroy = true
          }
        }
        -- b_override.hcl
        locals { a = 2 }
        resource "terraform_data" "x" {
          input = local.nope
          lifecycle {
            prevent_destroy = true
          }
        }
        resource "terraform_data" "y" {}
        moved {
          from = terraform_data.p
          to   = terraform_data.q
        }
        "#,
        r#"
        error Missing base resource to override b_override.hcl:8:1
        error Cannot override 'moved' blocks b_override.hcl:9:1
        error Reference to undeclared local value b_override.hcl:3:11
        "#,
    );
    let (config, _) = configuration(
        r#"
        resource "terraform_data" "x" {
          count = 2
          lifecycle {
            create_before_destroy = true
          }
        }
        -- override.hcl.json
        {"resource": {"terraform_data": {"x": {"for_each": {}, "lifecycle": {"prevent_destroy": true}}}}}
        "#,
    );
    let resource = &config.root.resources["terraform_data.x"];
    assert!(matches!(resource.repetition, super::Repetition::ForEach(_)));
    assert!(resource.lifecycle.create_before_destroy);
    assert!(resource.lifecycle.prevent_destroy.is_some());
}

#[test]
fn json_says_the_same() {
    check(
        r#"
        -- main.hcl.json
        {
          "variable": {"x": {"type": "number", "default": 2}},
          "resource": {"terraform_data": {"a": {"count": 2, "input": "${var.nope}", "inptu": 1}}},
          "output": {"o": {"value": "${terraform_data.a[0].output}"}},
          "nonsense": {}
        }
        "#,
        r#"
        error Unsupported argument main.hcl.json:5:3
        error Unsupported argument main.hcl.json:3:77 (Did you mean "input"?)
        error Reference to undeclared input variable main.hcl.json:3:65 (It can be declared with a block: variable "nope" {})
        "#,
    );
}
