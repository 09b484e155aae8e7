//! Files that hold secrets, told by name before anything is read of them.
//!
//! A name is only a sign. It is taken for one where what lies under it in
//! practice is a secret, not where it is source code that deals with secrets.

use wherein_core::Language;

/// Names that are secret as a whole, in lower case. Sorted.
const NAMES: &[&str] = &[
    ".dockercfg",
    ".dockerconfigjson",
    ".git-credentials",
    ".htpasswd",
    ".my.cnf",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".s3cfg",
    ".vault-token",
    "_netrc",
    "credentials",
    "credentials.ini",
    "credentials.json",
    "credentials.toml",
    "credentials.xml",
    "credentials.yaml",
    "credentials.yml",
    "secrets.env",
    "secrets.ini",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "terraform.tfvars",
    "terraform.tfvars.json",
];

/// Extensions of keys, certificates and key stores, in lower case. Sorted.
const EXTENSIONS: &[&str] = &[
    "cer", "crt", "csr", "der", "env", "gpg", "jks", "kdbx", "key", "keystore", "ovpn", "p12",
    "p8", "pem", "pfx", "ppk",
];

/// Names that are secret within a folder of a certain name.
const IN_FOLDER: &[(&str, &str)] = &[
    (".aws", "credentials"),
    (".docker", "config.json"),
    (".kube", "config"),
];

/// What is secret about a file named `name` in a folder named `folder`; `None`
/// when nothing is.
pub(crate) fn by_name(folder: &str, name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let folder = folder.to_ascii_lowercase();
    if NAMES.binary_search(&lower.as_str()).is_ok() {
        return Some(format!("named {lower}"));
    }
    if IN_FOLDER.contains(&(folder.as_str(), lower.as_str())) {
        return Some(format!("named {folder}/{lower}"));
    }
    if lower.starts_with(".env") {
        return Some("named .env*".to_owned());
    }
    let (stem, extension) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    if EXTENSIONS.binary_search(&extension).is_ok() {
        return Some(format!("named *.{extension}"));
    }
    if extension == "asc"
        && ["key", "secret", "private", "secring"]
            .iter()
            .any(|word| stem.contains(word))
    {
        return Some("named *key*.asc".to_owned());
    }
    if lower.ends_with(".auto.tfvars") || lower.ends_with(".auto.tfvars.json") {
        return Some("named *.auto.tfvars".to_owned());
    }
    for start in ["service-account", "service_account", "client_secret"] {
        if extension == "json" && lower.starts_with(start) {
            return Some(format!("named {start}*.json"));
        }
    }
    // The rest are open patterns, which source code may fall under.
    if Language::from_file_name(name).is_some_and(is_program) {
        return None;
    }
    if lower.contains(".tfstate") {
        return Some("named *.tfstate*".to_owned());
    }
    for start in ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"] {
        if lower.starts_with(start) && extension != "pub" {
            return Some(format!("named {start}*"));
        }
    }
    None
}

/// Whether files of the language are programs: source that may hold a key as an
/// example or a fixture, and is worth more than that.
pub(crate) fn is_program(language: Language) -> bool {
    !language.is_data()
        && !language.is_prose()
        && !matches!(
            language,
            Language::Csv
                | Language::Diff
                | Language::Hcl
                | Language::Html
                | Language::Notebook
                | Language::Template
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_the_search_finds_them() {
        assert!(NAMES.is_sorted() && EXTENSIONS.is_sorted());
    }

    #[test]
    fn secrets_are_told_by_name() {
        for path in [
            ".env",
            ".ENV",
            ".env.local",
            ".env.production.example",
            ".envrc",
            "prod.env",
            "server.pem",
            "Server.KEY",
            "a.p12",
            "a.pfx",
            "AuthKey.p8",
            "a.jks",
            "debug.keystore",
            "a.kdbx",
            "putty.ppk",
            "ca.crt",
            "a.cer",
            "a.der",
            "a.csr",
            "private-key.asc",
            "secring.gpg",
            "home.ovpn",
            "id_rsa",
            "id_rsa_work",
            "id_rsa.bak",
            "id_dsa",
            "id_ecdsa_sk",
            "id_ed25519",
            ".netrc",
            "_netrc",
            ".npmrc",
            ".pypirc",
            ".htpasswd",
            ".pgpass",
            ".my.cnf",
            ".git-credentials",
            "credentials",
            "Credentials",
            "credentials.json",
            "credentials.yml",
            "credentials.yaml",
            "credentials.toml",
            "credentials.ini",
            "credentials.xml",
            "secrets.json",
            "secrets.yml",
            "secrets.yaml",
            "secrets.toml",
            "secrets.ini",
            "secrets.env",
            ".aws/credentials",
            ".docker/config.json",
            ".kube/config",
            "service-account.json",
            "service-account-prod.json",
            "terraform.tfstate",
            "terraform.tfstate.backup",
            "prod.tfstate",
            "x.auto.tfvars",
            "terraform.tfvars",
            ".vault-token",
            ".dockercfg",
        ] {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("src", path));
            assert!(by_name(folder, name).is_some(), "{path} is kept");
        }
    }

    #[test]
    fn source_that_deals_with_secrets_is_kept() {
        for path in [
            "credentials.py",
            "credentials.rs",
            "credentials_test.go",
            "key.rs",
            "keys.json",
            "keystore.go",
            "secrets.go",
            "secrets.py",
            "secret.ts",
            "secrets.md",
            "pem.rs",
            "env.py",
            "environment.ts",
            "dotenv.js",
            "env",
            "id_rsa.pub",
            "id_ed25519_work.pub",
            "id_rsa_parser.go",
            "id_rsa.py",
            "tfstate.go",
            "parse.tfstate.go",
            "variables.tf",
            "dev.tfvars",
            "README.asc",
            "wp-config.php",
            "config",
            "config.json",
            "docker/config.json",
            "service-account.ts",
            "service.json",
            "credentials-provider.json",
            "monkey.txt",
            "netrc.c",
            "certificate.java",
        ] {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("src", path));
            assert_eq!(by_name(folder, name), None, "{path} is skipped");
        }
    }
}
