//! Tables of shells and of what builds with them: Bash, Dockerfile, Make, `CMake`.

use wherein_core::ChunkKind::{Constant, Function, Macro, Resource, Rule, Test, Variable};

use crate::spec::{Found, Site, Spec, by, child_of, named};

pub(super) static BASH: Spec = Spec {
    rules: &[
        named("function_definition", Function),
        by("variable_assignment", Variable, |site| {
            let name = site.field_text("name")?;
            let upper = !name.contains(char::is_lowercase);
            (site.depth <= 2 && upper)
                .then(|| Found::with_kind(name, Constant))
                .flatten()
        })
        .leaf(),
        by("command", Test, bats_test),
    ],
    wrappers: &["declaration_command"],
    ..Spec::EMPTY
};

/// bats' `@test "name" {`; its body follows as statements of their own.
fn bats_test(site: &Site<'_>) -> Option<Found> {
    if site.field_text("name")? != "@test" {
        return None;
    }
    Found::name(site.field_text("argument")?.trim_matches(['"', '\'']))
}

pub(super) static DOCKERFILE: Spec = Spec {
    rules: &[by("from_instruction", Resource, |site| {
        let alias = site.field_text("as");
        let image = site.child(&["image_spec"]).map(|node| site.text_of(node));
        Found::name(alias.or(image)?)
    })],
    open_ended: &["from_instruction"],
    ..Spec::EMPTY
};

pub(super) static MAKE: Spec = Spec {
    rules: &[
        by("rule", Rule, make_rule).leaf(),
        named("define_directive", Macro).leaf(),
        named("variable_assignment", Variable).leaf(),
    ],
    bodies: &["recipe"],
    ..Spec::EMPTY
};

fn make_rule(site: &Site<'_>) -> Option<Found> {
    let targets = site
        .child(&["targets"])
        .or_else(|| site.field("target"))
        .map(|node| site.text_of(node))?;
    let special = targets.starts_with('.') && !targets.contains(char::is_lowercase);
    (!special).then(|| Found::name(targets)).flatten()
}

pub(super) static CMAKE: Spec = Spec {
    rules: &[
        by("function_def", Function, |site| {
            cmake_first(site, "function_command")
        }),
        by("macro_def", Macro, |site| {
            cmake_first(site, "macro_command")
        }),
        by("normal_command", Rule, |site| {
            if site.in_function {
                return None;
            }
            let command = site
                .text_of(site.child(&["identifier"])?)
                .to_ascii_lowercase();
            let target = matches!(
                command.as_str(),
                "add_executable" | "add_library" | "add_custom_target" | "add_test" | "project"
            );
            target.then(|| first_argument(site, site.node)).flatten()
        }),
    ],
    comments: &["line_comment", "bracket_comment"],
    bodies: &["body"],
    ..Spec::EMPTY
};

fn cmake_first(site: &Site<'_>, head: &'static str) -> Option<Found> {
    first_argument(site, site.child(&[head])?)
}

fn first_argument(site: &Site<'_>, command: tree_sitter::Node<'_>) -> Option<Found> {
    let arguments = child_of(command, &["argument_list"])?;
    let mut cursor = arguments.walk();
    let name = arguments
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "argument")
        .map(|argument| site.text_of(argument).trim_matches('"'))
        .find(|argument| *argument != "NAME")?;
    Found::name(name)
}
