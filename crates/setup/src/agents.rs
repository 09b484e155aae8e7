//! The agents that are known, and what each keeps where.

use std::path::PathBuf;

use crate::edit::{Edit, Form};
use crate::error::SetupError;
use crate::places::{Places, Scope, Server};

/// A coding agent.
#[derive(Debug)]
pub struct Agent {
    /// Its name in arguments.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Other names that are taken.
    aliases: &'static [&'static str],
    /// A folder that is there when it is installed.
    trace: fn(&Places) -> PathBuf,
    /// The file with its servers; `None` where it has no such scope.
    servers: fn(&Places, Scope) -> Option<PathBuf>,
    /// How an entry is written there.
    form: Form,
    /// The file with its instructions.
    instructions: fn(&Places, Scope) -> Option<PathBuf>,
    /// Its search sub-agent.
    searcher: fn(&Places, Scope) -> Option<PathBuf>,
}

/// The search sub-agent, as Claude Code takes it.
const SUB_AGENT: &str = include_str!("../../../config/claude-plugin/agents/wherein.md");

/// No such file.
const NONE: fn(&Places, Scope) -> Option<PathBuf> = |_, _| None;

/// Below the person's folder, or below the project.
fn either(places: &Places, scope: Scope, user: &str, project: &str) -> PathBuf {
    match scope {
        Scope::User => places.home.join(user),
        Scope::Project => places.project.join(project),
    }
}

fn of_project(places: &Places, scope: Scope, path: &str) -> Option<PathBuf> {
    (scope == Scope::Project).then(|| places.project.join(path))
}

fn of_user(places: &Places, scope: Scope, path: &str) -> Option<PathBuf> {
    (scope == Scope::User).then(|| places.home.join(path))
}

static AGENTS: &[Agent] = &[
    Agent {
        name: "claude-code",
        title: "Claude Code",
        aliases: &["claude"],
        trace: Places::claude,
        servers: |places, scope| {
            Some(match scope {
                Scope::User => places.claude_json(),
                Scope::Project => places.project.join(".mcp.json"),
            })
        },
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::with_type,
        },
        instructions: |places, scope| {
            Some(match scope {
                Scope::User => places.claude().join("CLAUDE.md"),
                Scope::Project => places.project.join("CLAUDE.md"),
            })
        },
        searcher: |places, scope| {
            Some(match scope {
                Scope::User => places.claude().join("agents/wherein.md"),
                Scope::Project => places.project.join(".claude/agents/wherein.md"),
            })
        },
    },
    Agent {
        name: "codex",
        title: "OpenAI Codex",
        aliases: &["openai-codex"],
        trace: Places::codex,
        servers: |places, scope| {
            Some(match scope {
                Scope::User => places.codex().join("config.toml"),
                Scope::Project => places.project.join(".codex/config.toml"),
            })
        },
        form: Form::Codex,
        instructions: |places, scope| {
            Some(match scope {
                Scope::User => places.codex().join("AGENTS.md"),
                Scope::Project => places.project.join("AGENTS.md"),
            })
        },
        searcher: NONE,
    },
    Agent {
        name: "copilot",
        title: "GitHub Copilot CLI",
        aliases: &["copilot-cli", "github-copilot"],
        trace: |places| places.home.join(".copilot"),
        servers: |places, scope| {
            Some(either(
                places,
                scope,
                ".copilot/mcp-config.json",
                ".github/mcp.json",
            ))
        },
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::local_with_tools,
        },
        instructions: |places, scope| of_project(places, scope, "AGENTS.md"),
        searcher: NONE,
    },
    Agent {
        name: "vscode",
        title: "VS Code (GitHub Copilot)",
        aliases: &["code", "vs-code"],
        trace: Places::code,
        servers: |places, scope| {
            Some(match scope {
                Scope::User => places.code().join("mcp.json"),
                Scope::Project => places.project.join(".vscode/mcp.json"),
            })
        },
        form: Form::Json {
            key: "servers",
            entry: crate::json::with_type,
        },
        instructions: |places, scope| of_project(places, scope, "AGENTS.md"),
        searcher: NONE,
    },
    Agent {
        name: "cursor",
        title: "Cursor",
        aliases: &[],
        trace: |places| places.home.join(".cursor"),
        servers: |places, scope| {
            Some(either(
                places,
                scope,
                ".cursor/mcp.json",
                ".cursor/mcp.json",
            ))
        },
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::with_type,
        },
        instructions: |places, scope| of_project(places, scope, "AGENTS.md"),
        searcher: NONE,
    },
    Agent {
        name: "gemini",
        title: "Gemini CLI",
        aliases: &["gemini-cli"],
        trace: |places| places.home.join(".gemini"),
        servers: |places, scope| {
            Some(either(
                places,
                scope,
                ".gemini/settings.json",
                ".gemini/settings.json",
            ))
        },
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::plain,
        },
        instructions: |places, scope| Some(either(places, scope, ".gemini/GEMINI.md", "GEMINI.md")),
        searcher: NONE,
    },
    Agent {
        name: "opencode",
        title: "OpenCode",
        aliases: &["open-code"],
        trace: |places| places.config.join("opencode"),
        servers: |places, scope| {
            let folder = match scope {
                Scope::User => places.config.join("opencode"),
                Scope::Project => places.project.clone(),
            };
            let with_comments = folder.join("opencode.jsonc");
            Some(if with_comments.is_file() {
                with_comments
            } else {
                folder.join("opencode.json")
            })
        },
        form: Form::Json {
            key: "mcp",
            entry: crate::json::command_as_list,
        },
        instructions: |places, scope| {
            Some(match scope {
                Scope::User => places.config.join("opencode/AGENTS.md"),
                Scope::Project => places.project.join("AGENTS.md"),
            })
        },
        searcher: NONE,
    },
    Agent {
        name: "zed",
        title: "Zed",
        aliases: &[],
        trace: |places| places.config.join("zed"),
        servers: |places, scope| {
            Some(match scope {
                Scope::User => places.config.join("zed/settings.json"),
                Scope::Project => places.project.join(".zed/settings.json"),
            })
        },
        form: Form::Json {
            key: "context_servers",
            entry: crate::json::custom,
        },
        instructions: |places, scope| of_project(places, scope, "AGENTS.md"),
        searcher: NONE,
    },
    Agent {
        name: "windsurf",
        title: "Windsurf",
        aliases: &[],
        trace: |places| places.home.join(".codeium/windsurf"),
        servers: |places, scope| of_user(places, scope, ".codeium/windsurf/mcp_config.json"),
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::plain,
        },
        instructions: NONE,
        searcher: NONE,
    },
    Agent {
        name: "cline",
        title: "Cline",
        aliases: &[],
        trace: |places| places.home.join(".cline"),
        servers: |places, scope| {
            of_user(
                places,
                scope,
                ".cline/data/settings/cline_mcp_settings.json",
            )
        },
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::transport,
        },
        instructions: NONE,
        searcher: NONE,
    },
    Agent {
        name: "kiro",
        title: "Kiro",
        aliases: &[],
        trace: |places| places.home.join(".kiro"),
        servers: |places, scope| {
            Some(either(
                places,
                scope,
                ".kiro/settings/mcp.json",
                ".kiro/settings/mcp.json",
            ))
        },
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::plain,
        },
        instructions: |places, scope| {
            Some(either(
                places,
                scope,
                ".kiro/steering/wherein.md",
                ".kiro/steering/wherein.md",
            ))
        },
        searcher: NONE,
    },
    Agent {
        name: "qwen",
        title: "Qwen Code",
        aliases: &["qwen-code"],
        trace: |places| places.home.join(".qwen"),
        servers: |places, scope| {
            Some(either(
                places,
                scope,
                ".qwen/settings.json",
                ".qwen/settings.json",
            ))
        },
        form: Form::Json {
            key: "mcpServers",
            entry: crate::json::plain,
        },
        instructions: |places, scope| Some(either(places, scope, ".qwen/QWEN.md", "QWEN.md")),
        searcher: NONE,
    },
];

/// All agents, in the order that they are listed in.
pub fn all() -> &'static [Agent] {
    AGENTS
}

/// The agent of a name.
pub fn find(name: &str) -> Result<&'static Agent, SetupError> {
    let wanted = name.to_lowercase();
    let is_named = |agent: &&Agent| agent.name == wanted || agent.aliases.contains(&&*wanted);
    AGENTS
        .iter()
        .find(is_named)
        .ok_or_else(|| SetupError::UnknownAgent {
            name: name.chars().take(80).collect(),
            known: AGENTS
                .iter()
                .map(|agent| agent.name)
                .collect::<Vec<_>>()
                .join(", "),
        })
}

impl Agent {
    /// Whether it seems to be installed.
    pub fn is_installed(&self, places: &Places) -> bool {
        (self.trace)(places).exists()
    }

    /// The file with its servers.
    pub(crate) fn servers(&self, places: &Places, scope: Scope) -> Result<PathBuf, SetupError> {
        let (name, instead) = match scope {
            Scope::User => ("the user", "--project"),
            Scope::Project => ("a project", "--user"),
        };
        (self.servers)(places, scope).ok_or(SetupError::NoSuchScope {
            agent: self.title,
            scope: name,
            instead,
        })
    }

    /// What is edited to set it up.
    pub(crate) fn edits(
        &self,
        places: &Places,
        scope: Scope,
        server: &Server,
        has_instructions: bool,
    ) -> Result<Vec<(PathBuf, Edit)>, SetupError> {
        let servers = self.servers(places, scope)?;
        let mut server = server.clone();
        if scope == Scope::Project {
            // A folder of this person says nothing to others.
            server.data = PathBuf::new();
        }
        let entry = Edit::Server {
            form: self.form,
            server,
        };
        let mut edits = vec![(servers, entry)];
        if has_instructions {
            if let Some(path) = (self.instructions)(places, scope) {
                edits.push((path, Edit::Block));
            }
            if let Some(path) = (self.searcher)(places, scope) {
                edits.push((path, Edit::Whole(SUB_AGENT)));
            }
        }
        // One file under one name, whatever links lead to it.
        for (path, _) in &mut edits {
            *path = crate::files::target(path);
        }
        Ok(edits)
    }
}
