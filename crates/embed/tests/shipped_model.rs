//! The shipped model keeps what the `Embedder` trait promises.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use wherein_embed::{DocumentParts, EmbedError, Embedder, shipped};

/// Texts as one of the two things that a text can be.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Query,
    Document,
}

fn model() -> Arc<dyn Embedder> {
    shipped().expect("the shipped model loads")
}

fn rows(model: &dyn Embedder, role: Role, texts: &[&str]) -> Result<Vec<f32>, EmbedError> {
    match role {
        Role::Query => model.embed_queries(texts),
        Role::Document => {
            let parts = texts.iter().map(|body| DocumentParts {
                body,
                ..DocumentParts::default()
            });
            model.embed_documents(&parts.collect::<Vec<_>>())
        }
    }
}

fn embed(role: Role, texts: &[&str]) -> Vec<Vec<f32>> {
    let model = model();
    let rows = rows(&*model, role, texts).expect("any text can be embedded");
    assert_eq!(rows.len(), texts.len() * model.dimensions());
    rows.chunks(model.dimensions())
        .map(<[f32]>::to_vec)
        .collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// Texts of very different lengths.
fn texts() -> Vec<String> {
    (0..300)
        .map(|i| {
            let words = [
                "session",
                "parse_header",
                "HTTPServer",
                "x",
                "retry",
                "größe",
            ];
            (0..(i * 7) % 400)
                .map(|at| words[(at * i + at / 3) % words.len()])
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[test]
fn the_id_names_the_model_and_its_content() {
    let model = model();
    let hash = model
        .model_id()
        .strip_prefix("wherein-static-v2-")
        .expect("the name comes first");
    assert_eq!(hash.len(), 8);
    assert_eq!(model.dimensions(), 256);
}

#[test]
fn rows_are_normalised_and_texts_without_words_are_zero() {
    let rows = embed(Role::Document, &["fn login(user)", "", "{}();", "a"]);
    for (row, expected) in rows.iter().zip([1.0, 0.0, 0.0, 1.0]) {
        let norm = dot(row, row).sqrt();
        assert!(
            (norm - expected).abs() < 1e-5,
            "norm {norm}, not {expected}"
        );
    }
    assert!(embed(Role::Query, &[]).is_empty());
    assert!(
        embed(Role::Query, &[""])[0]
            .iter()
            .all(|&value| value == 0.0)
    );
}

#[test]
fn a_row_does_not_depend_on_the_texts_beside_it() {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for role in [Role::Query, Role::Document] {
        let together = embed(role, &texts);
        for (text, row) in texts.iter().zip(&together).step_by(11) {
            let alone = &embed(role, &[text])[0];
            let far = distance(alone, row);
            assert!(
                far <= 1e-6,
                "{far} apart for a text of {} bytes",
                text.len()
            );
        }
    }
}

#[test]
fn all_threads_get_the_same_vectors() {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let expected = embed(Role::Document, &texts);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| embed(Role::Document, &texts)))
            .collect();
        for thread in threads {
            assert!(thread.join().expect("no thread panics") == expected);
        }
    });
}

#[test]
fn a_question_and_code_weigh_words_differently() {
    let text = "return the open session of this user";
    let query = &embed(Role::Query, &[text])[0];
    let document = &embed(Role::Document, &[text])[0];
    assert!(distance(query, document) > 1e-3);
}

#[test]
fn a_word_weighs_differently_in_each_part() {
    let rows = |part: fn(&'static str) -> DocumentParts<'static>| {
        let words = part("open the session of a user");
        let body = DocumentParts {
            body: "read bytes from the socket until it closes",
            ..words
        };
        model().embed_documents(&[body]).expect("a vector")
    };
    let all = [
        rows(|path| DocumentParts {
            path,
            ..DocumentParts::default()
        }),
        rows(|signature| DocumentParts {
            signature,
            ..DocumentParts::default()
        }),
        rows(|doc| DocumentParts {
            doc,
            ..DocumentParts::default()
        }),
    ];
    for (first, second) in [(0, 1), (0, 2)] {
        assert!(distance(&all[first], &all[second]) > 1e-3);
    }
}

#[test]
fn what_comes_after_the_limit_is_not_read() {
    let long = "parse header ".repeat(512);
    let longer = format!("{long} entirely different database transaction words");
    let rows = embed(Role::Document, &[&long, &longer]);
    assert!(distance(&rows[0], &rows[1]) <= 1e-6);
}

#[test]
fn the_answer_is_nearer_than_unrelated_code() {
    let unrelated = [
        "fn matrix_multiply(a: &Matrix, b: &Matrix) -> Matrix { for row in 0..a.rows { for column in 0..b.columns { sum += a[row][k] * b[k][column]; } } }",
        "def render_template(name, context): template = environment.get_template(name); return template.render(context)",
        "func (q *Queue) Push(item Item) { q.mutex.Lock(); defer q.mutex.Unlock(); q.items = append(q.items, item) }",
        "void draw_triangle(Vertex *vertices) { glBindBuffer(GL_ARRAY_BUFFER, buffer); glDrawArrays(GL_TRIANGLES, 0, 3); }",
        "function debounce(callback, wait) { let timer; return () => { clearTimeout(timer); timer = setTimeout(callback, wait); }; }",
        "class CsvReader { List<String> readLine() { return split(reader.readLine(), delimiter); } }",
        "def resize_image(path, width, height): image = Image.open(path); return image.resize((width, height))",
        "fn compress(input: &[u8]) -> Vec<u8> { let mut encoder = Encoder::new(Vec::new()); encoder.write_all(input); encoder.finish() }",
    ];
    for (query, answer) in [
        (
            "check the user's password when signing in",
            "def login(request): user = find_user(request.form['name']); if not verify_hash(user.password_hash, request.form['password']): raise InvalidCredentials(); session['user_id'] = user.id",
        ),
        (
            "wait longer after each failed attempt",
            "async fn send(&self) { let mut delay = self.base; for attempt in 0..self.max_retries { match self.try_send().await { Ok(r) => return r, Err(_) => { sleep(delay).await; delay *= 2; } } } }",
        ),
        (
            "where are database tables created",
            "func migrate(db *sql.DB) error { _, err := db.Exec(`CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT)`); return err }",
        ),
    ] {
        let query_row = &embed(Role::Query, &[query])[0];
        let answer_score = dot(query_row, &embed(Role::Document, &[answer])[0]);
        for (row, text) in embed(Role::Document, &unrelated).iter().zip(unrelated) {
            let score = dot(query_row, row);
            assert!(
                score < answer_score,
                "{query:?}: {score} of {text:?} is not below {answer_score}"
            );
        }
    }
}
