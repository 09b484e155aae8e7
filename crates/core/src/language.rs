//! The languages we tell apart, and how a file name or first line gives one away.
//!
//! Whether a language is parsed or only cut into lines is the chunker's affair.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

struct Entry {
    language: Language,
    name: &'static str,
    aliases: &'static [&'static str],
    extensions: &'static [&'static str],
    file_names: &'static [&'static str],
    interpreters: &'static [&'static str],
}

macro_rules! languages {
    ($($variant:ident $name:literal
        $(alias[$($alias:literal)*])? $(ext[$($ext:literal)*])? $(file[$($file:literal)*])? $(run[$($run:literal)*])?;)*) => {
        /// A programming, markup or data language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each variant is its own name")]
        #[repr(u8)]
        pub enum Language { $($variant,)* }

        const TABLE: &[Entry] = &[$(Entry {
            language: Language::$variant,
            name: $name,
            aliases: &[$($($alias,)*)?],
            extensions: &[$($($ext,)*)?],
            file_names: &[$($($file,)*)?],
            interpreters: &[$($($run,)*)?],
        },)*];
    };
}

// Aliases, extensions and file names are in lower case. The first language
// that claims an extension has it.
languages! {
    Rust "rust" alias["rs"] ext["rs"];
    Python "python" alias["py"] ext["py" "pyi" "pyw" "bzl" "star"] file["sconstruct" "sconscript" "wscript" "build.bazel" "workspace"] run["python" "python2" "python3"];
    JavaScript "javascript" alias["js" "jsx"] ext["js" "mjs" "cjs" "jsx" "es6"] file["jakefile"] run["node" "deno" "bun"];
    TypeScript "typescript" alias["ts"] ext["ts" "mts" "cts"] run["ts-node" "tsx"];
    Tsx "tsx" ext["tsx"];
    Go "go" alias["golang"] ext["go"];
    Java "java" ext["java"];
    C "c" ext["c" "h"];
    Cpp "cpp" alias["c++" "cxx"] ext["cpp" "cc" "cxx" "c++" "hpp" "hh" "hxx" "h++" "ipp" "inl" "tpp" "cu" "cuh" "ino"];
    CSharp "csharp" alias["c#" "cs"] ext["cs" "csx"];
    Ruby "ruby" alias["rb"] ext["rb" "rake" "gemspec" "ru" "podspec"] file["rakefile" "gemfile" "guardfile" "vagrantfile" "brewfile" "podfile" "fastfile"] run["ruby" "jruby"];
    Php "php" ext["php" "phtml" "php5" "php7"] run["php"];
    Kotlin "kotlin" alias["kt"] ext["kt" "kts"];
    Swift "swift" ext["swift"];
    Scala "scala" ext["scala" "sbt" "sc"];
    Haskell "haskell" alias["hs"] ext["hs" "lhs" "hs-boot" "hsc"] run["runhaskell"];
    OCaml "ocaml" alias["ml"] ext["ml"] run["ocaml"];
    OCamlInterface "ocaml-interface" alias["mli"] ext["mli"];
    Elixir "elixir" alias["ex"] ext["ex" "exs"] run["elixir"];
    Erlang "erlang" alias["erl"] ext["erl" "hrl" "escript"] file["rebar.config"] run["escript"];
    Lua "lua" ext["lua" "rockspec"] run["lua" "luajit"];
    Bash "bash" alias["sh" "shell" "zsh"] ext["sh" "bash" "zsh" "ksh" "bats" "ebuild"] file[".bashrc" ".bash_profile" ".profile" ".zshrc" "pkgbuild"] run["sh" "bash" "zsh" "ksh" "dash" "ash" "bats"];
    Zig "zig" ext["zig" "zon"];
    Dart "dart" ext["dart"] run["dart"];
    R "r" ext["r"] file[".rprofile"] run["rscript"];
    Julia "julia" alias["jl"] ext["jl"] run["julia"];
    Perl "perl" alias["pl"] ext["pl" "pm" "t" "psgi"] file["makefile.pl" "cpanfile"] run["perl"];
    Sql "sql" ext["sql" "psql" "ddl" "pgsql"];
    Html "html" ext["html" "htm" "xhtml"];
    Css "css" ext["css"];
    Json "json" ext["json" "jsonc" "json5" "webmanifest" "geojson"] file[".eslintrc" ".babelrc" ".prettierrc"];
    Yaml "yaml" alias["yml"] ext["yaml" "yml"] file[".clang-format" ".clang-tidy"];
    Toml "toml" ext["toml"] file["pipfile"];
    Markdown "markdown" alias["md"] ext["md" "markdown" "mdown" "mkd" "mdx"];
    Hcl "hcl" alias["terraform" "tf"] ext["hcl" "tf" "tfvars" "nomad"];
    Dockerfile "dockerfile" alias["docker" "containerfile"] ext["dockerfile" "containerfile"] file["dockerfile" "containerfile"];
    Make "make" alias["makefile"] ext["mk" "mak"] file["makefile" "gnumakefile" "kbuild"] run["make"];
    CMake "cmake" ext["cmake"] file["cmakelists.txt"];
    Protobuf "protobuf" alias["proto"] ext["proto"];
    GraphQl "graphql" alias["gql"] ext["graphql" "gql" "graphqls"];
    Nix "nix" ext["nix"];
    Solidity "solidity" alias["sol"] ext["sol"];
    Svelte "svelte" ext["svelte"];
    Vue "vue" ext["vue"];
    Clojure "clojure" alias["clj"] ext["clj" "cljs" "cljc" "edn"];
    ObjectiveC "objective-c" alias["objc"] ext["m" "mm"];
    Fortran "fortran" ext["f" "f77" "f90" "f95" "f03" "f08" "for"];
    PowerShell "powershell" alias["ps1"] ext["ps1" "psm1" "psd1"] run["pwsh"];
    Elm "elm" ext["elm"];
    Verilog "verilog" ext["v" "vh" "sv" "svh"];
    Groovy "groovy" ext["groovy" "gradle" "gvy"] file["jenkinsfile"] run["groovy"];
    FSharp "fsharp" alias["f#"] ext["fs" "fsi" "fsx"];
    VisualBasic "vb" alias["visualbasic"] ext["vb" "bas" "vbs"];
    Pascal "pascal" alias["delphi"] ext["pas" "dpr" "pp"];
    Ada "ada" ext["adb" "ads"];
    Lisp "lisp" alias["elisp" "scheme" "racket"] ext["lisp" "lsp" "el" "scm" "ss" "rkt"] run["sbcl" "guile" "racket"];
    Nim "nim" ext["nim" "nims"];
    Crystal "crystal" ext["cr"];
    D "d" ext["d" "di"];
    Assembly "assembly" alias["asm"] ext["s" "asm" "nasm"];
    Vhdl "vhdl" ext["vhd" "vhdl"];
    Tcl "tcl" ext["tcl"] run["tclsh" "wish"];
    VimScript "vim" ext["vim"] file[".vimrc"];
    Fish "fish" ext["fish"] run["fish"];
    Awk "awk" ext["awk"] run["awk" "gawk"];
    Scss "scss" alias["sass" "less"] ext["scss" "sass" "less" "styl"];
    Xml "xml" ext["xml" "xsd" "xsl" "xslt" "svg" "plist" "csproj" "fsproj" "vbproj" "props" "targets" "pom" "xaml" "resx" "storyboard" "xib" "wsdl" "rng"];
    Ini "ini" ext["ini" "cfg" "conf" "properties" "desktop" "service" "editorconfig" "inf"] file[".editorconfig" ".gitconfig" ".gitmodules" ".npmrc"];
    Bazel "bazel" file["build"];
    Thrift "thrift" ext["thrift"];
    Prisma "prisma" ext["prisma"];
    Template "template" ext["j2" "jinja" "jinja2" "tmpl" "tpl" "mustache" "hbs" "handlebars" "ejs" "erb" "haml" "slim" "pug" "jade" "liquid" "twig" "njk" "gotmpl"];
    ReStructuredText "restructuredtext" alias["rst"] ext["rst"];
    AsciiDoc "asciidoc" alias["adoc"] ext["adoc" "asciidoc"];
    Tex "tex" alias["latex"] ext["tex" "sty" "cls" "bib"];
    Diff "diff" alias["patch"] ext["diff" "patch"];
    Csv "csv" ext["csv" "tsv"];
    Notebook "notebook" alias["jupyter"] ext["ipynb"];
    Shader "shader" alias["glsl" "hlsl" "wgsl"] ext["glsl" "hlsl" "wgsl" "vert" "frag" "metal" "comp"];
    Text "text" alias["txt" "plain"] ext["txt" "text" "log"];
}

impl Language {
    fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }

    /// The canonical name, in lower case.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// All languages, in a fixed order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|entry| entry.language)
    }

    /// The language of a file by its name alone; `None` when the name says nothing.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let by_name = |name: &str| {
            TABLE
                .iter()
                .find(|entry| entry.file_names.contains(&name))
                .map(|entry| entry.language)
        };
        if let Some(language) = by_name(&lower) {
            return Some(language);
        }
        if let Some((stem, extension)) = lower.rsplit_once('.')
            && let Some(language) = Self::from_extension(extension)
        {
            // A dot file (`.env`, `.c`) has no extension, only a name.
            if !stem.is_empty() {
                return Some(language);
            }
        }
        // `Dockerfile.dev`, `Makefile.am`: the name before the first dot counts.
        let stem = lower.split('.').next().unwrap_or("");
        ["dockerfile", "containerfile", "makefile"]
            .contains(&stem)
            .then(|| by_name(stem))
            .flatten()
    }

    fn from_extension(extension: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|entry| entry.extensions.contains(&extension))
            .map(|entry| entry.language)
    }

    /// The language of a script by its first line (`#!/usr/bin/env python3`).
    pub fn from_first_line(line: &str) -> Option<Self> {
        let command = line.strip_prefix("#!")?.trim();
        let mut words = command.split_ascii_whitespace();
        let mut program = words.next()?.rsplit('/').next()?;
        if program == "env" {
            program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
            program = program.rsplit('/').next()?;
        }
        let lower = program.to_ascii_lowercase();
        // `python3.11` runs what `python3` runs.
        let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        TABLE
            .iter()
            .find(|entry| {
                entry.interpreters.contains(&lower.as_str()) || entry.interpreters.contains(&bare)
            })
            .map(|entry| entry.language)
    }

    /// The language of a file by name, else by first line, else [`Language::Text`].
    pub fn detect(file_name: &str, text: &str) -> Self {
        let named = Self::from_file_name(file_name);
        match named {
            // A `.h` file is C++ when it says so.
            Some(Self::C) if is_header(file_name) && looks_like_cpp(text) => Self::Cpp,
            // `.m` is shared by Objective-C and MATLAB, `.v` by Verilog and Coq:
            // neither is parsed, so the guess only labels.
            Some(language) => language,
            None => Self::from_first_line(text.lines().next().unwrap_or("")).unwrap_or(Self::Text),
        }
    }

    /// Data rather than code: parsed only when small, ranked below code.
    pub fn is_data(self) -> bool {
        matches!(
            self,
            Self::Json | Self::Yaml | Self::Toml | Self::Xml | Self::Ini | Self::Csv
        )
    }

    /// Prose rather than code.
    pub fn is_prose(self) -> bool {
        matches!(
            self,
            Self::Markdown | Self::ReStructuredText | Self::AsciiDoc | Self::Tex | Self::Text
        )
    }
}

fn is_header(file_name: &str) -> bool {
    file_name
        .rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("h"))
}

/// Whether the first 16 KiB of a header hold a construct that C does not have.
fn looks_like_cpp(text: &str) -> bool {
    let mut end = text.len().min(16 << 10);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].lines().any(|line| {
        let line = line.trim_start();
        [
            "class ",
            "namespace ",
            "template <",
            "template<",
            "using ",
            "public:",
            "private:",
            "protected:",
        ]
        .iter()
        .any(|start| line.starts_with(start))
            || line.starts_with("#include <") && !line.contains(".h>")
    })
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Language {
    type Err = ();

    /// By name, alias or file extension, in any case.
    fn from_str(name: &str) -> Result<Self, ()> {
        let lower = name.trim_start_matches('.').to_lowercase();
        TABLE
            .iter()
            .find(|entry| entry.name == lower || entry.aliases.contains(&lower.as_str()))
            .map(|entry| entry.language)
            .or_else(|| Self::from_extension(&lower))
            .ok_or(())
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse()
            .map_err(|()| serde::de::Error::custom(format!("unknown language \"{name}\"")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_are_unique() {
        let mut seen = HashSet::new();
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(entry.language as usize, index);
            assert!(seen.insert(entry.name), "{} twice", entry.name);
            assert_eq!(entry.name.parse(), Ok(entry.language));
            for alias in entry.aliases {
                assert!(seen.insert(alias), "{alias} twice");
            }
        }
    }

    #[test]
    fn no_extension_has_two_owners() {
        let mut seen = HashSet::new();
        for extension in TABLE.iter().flat_map(|entry| entry.extensions) {
            assert!(seen.insert(extension), "{extension} twice");
        }
    }

    #[test]
    fn files_are_told_by_name_then_by_first_line() {
        for (name, text, expected) in [
            ("main.rs", "", Language::Rust),
            ("Makefile", "", Language::Make),
            ("Dockerfile.dev", "", Language::Dockerfile),
            ("CMakeLists.txt", "", Language::CMake),
            ("notes.txt", "", Language::Text),
            ("run", "#!/usr/bin/env python3.11\n", Language::Python),
            ("run", "#!/bin/sh -e\n", Language::Bash),
            (
                "run",
                "#!/usr/bin/env -S FOO=1 node --x\n",
                Language::JavaScript,
            ),
            ("run", "hello", Language::Text),
            ("a.h", "int f(void);\n", Language::C),
            ("a.h", "namespace a {\n}\n", Language::Cpp),
            ("a.h", "#include <vector>\n", Language::Cpp),
            ("A.TSX", "", Language::Tsx),
            (".c", "", Language::Text),
        ] {
            assert_eq!(Language::detect(name, text), expected, "{name} {text:?}");
        }
    }

    #[test]
    fn filters_take_names_aliases_and_extensions() {
        assert_eq!("C++".parse(), Ok(Language::Cpp));
        assert_eq!("yml".parse(), Ok(Language::Yaml));
        assert_eq!(".hpp".parse(), Ok(Language::Cpp));
        assert_eq!("klingon".parse::<Language>(), Err(()));
    }
}
