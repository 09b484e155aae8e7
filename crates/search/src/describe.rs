//! Computes the features of the candidates of a query.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use wherein_core::{ChunkKind, words};
use wherein_store::RoughQuery;

use crate::candidates::{Candidate, Candidates, QueryVector, QueryVectors, SymbolMatch};
use crate::corpus::Corpus;
use crate::error::SearchError;
use crate::feature::{FEATURES, Feature, Features};
use crate::file_facts::{FileFacts, built_twins, older_versions, stem};
use crate::file_role::FileRole;
use crate::guess::Guess;
use crate::lexicon::Lexicon;
use crate::phrase::Phrase;
use crate::understand::Understanding;

/// A candidate with its features.
#[derive(Clone, Debug)]
pub struct Described {
    /// Row within the corpus.
    pub row: u32,
    /// Number of its file.
    pub file: u32,
    /// By [`Feature`].
    pub features: Features,
}

/// Candidates that one core describes before another is asked to help.
const PARALLEL: usize = 32;

/// The best names that a chunk defines.
#[derive(Default)]
struct Named {
    covered: f32,
    asked: f32,
    is: f32,
    namesake: bool,
}

fn named(
    corpus: &Corpus<'_>,
    row: u32,
    stem_key: &str,
    lexicon: &Lexicon,
    understanding: &Understanding,
) -> Named {
    let mut best = Named::default();
    let mut one = |name: &str| {
        let (mask, all, held) = lexicon.matched_of(name);
        let key = words::identifier_key(name);
        best.namesake |= key == stem_key;
        if mask == 0 {
            return;
        }
        best.covered = best.covered.max(lexicon.share(mask));
        best.asked = best.asked.max(held as f32 / all.max(1) as f32);
        for compound in &understanding.compounds {
            if compound.key == key {
                best.is = best.is.max(compound.share);
            }
        }
    };
    let main = corpus.chunk(row).symbol;
    let mut is_listed = false;
    corpus.each_chunk_symbol(row, |name| {
        is_listed |= Some(name) == main;
        one(name);
    });
    // A later part of a definition is named after it too.
    if let (Some(name), false) = (main, is_listed) {
        one(name);
    }
    best
}

/// `1 / (1 + rank / 10)` by row, best first; rows that score 0 have none, and those
/// that score alike have the same: where they lie in the index says nothing.
fn ranks(rows: &[Candidate], score: impl Fn(&Candidate) -> f32) -> Vec<(f32, bool)> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| score(&rows[*b]).total_cmp(&score(&rows[*a])).then(a.cmp(b)));
    let mut ranks = vec![(0.0, false); rows.len()];
    let (mut rank, mut before) = (0, f32::INFINITY);
    for (number, at) in order.into_iter().enumerate() {
        let own = score(&rows[at]);
        if own < before {
            (rank, before) = (number, own);
        }
        if own > 0.0 {
            ranks[at] = (1.0 / (1.0 + rank as f32 / 10.0), rank < 20);
        }
    }
    ranks
}

/// Values that are compared among the candidates of one query.
struct Best {
    words: f32,
    file_words: f32,
    chunks: f32,
    cosine: f32,
    three: f32,
    mean: f32,
}

/// Where the values of the candidates of one query lie.
#[derive(Clone, Copy)]
struct Between {
    least: f32,
    most: f32,
}

impl Between {
    fn of(values: impl Iterator<Item = f32>) -> Self {
        let start = Self {
            least: f32::INFINITY,
            most: f32::NEG_INFINITY,
        };
        values.fold(start, |all, value| Self {
            least: all.least.min(value),
            most: all.most.max(value),
        })
    }

    /// 0 for the least, 1 for the most.
    fn share(self, value: f32) -> f32 {
        if self.most > self.least {
            (value - self.least) / (self.most - self.least)
        } else {
            0.0
        }
    }
}

/// What the second model says of all candidates; a transformer's cosines lie close
/// together and far from 0, so it is their place between the least and the most
/// that counts.
struct Quality {
    cosines: Vec<f32>,
    ranks: Vec<(f32, bool)>,
    chunks: Between,
    three: Between,
    mean: Between,
    /// By file: the greatest, the mean of the best three, of all, and how many
    /// are among the first.
    files: FxHashMap<u32, (f32, f32, f32, u32)>,
}

impl Quality {
    fn of(
        corpus: &Corpus<'_>,
        candidates: &Candidates,
        files: &[u32],
        facts: &FxHashMap<u32, FileFacts>,
        meaning: Meaning<'_>,
        guess: Guess,
    ) -> Result<Self, SearchError> {
        let rows = &candidates.rows;
        let cosine = |one: &Candidate| one.quality.unwrap_or(0.0);
        let ranks = ranks(rows, cosine);
        let mut of_file: FxHashMap<u32, (f32, f32, f32, u32)> = FxHashMap::default();
        let query = RoughQuery::new(meaning.vector, meaning.model);
        for (at, file) in files.iter().enumerate() {
            if !of_file.contains_key(file) {
                let (mut three, mut mean) = file_meaning(corpus, *file, &query)?;
                if !corpus.file_has_vectors(*file, meaning.model) {
                    let facts = facts.get(file);
                    let first = |value: fn(&FileFacts) -> f32| guess.of(facts.map_or(0.0, value));
                    three = first(|facts| facts.meaning_three);
                    mean = first(|facts| facts.meaning_mean);
                }
                of_file.insert(*file, (f32::NEG_INFINITY, three, mean, 0));
            }
            if let Some((most, _, _, hits)) = of_file.get_mut(file) {
                *most = most.max(cosine(&rows[at]));
                *hits += u32::from(ranks[at].1);
            }
        }
        Ok(Self {
            cosines: rows.iter().map(cosine).collect(),
            ranks,
            chunks: Between::of(rows.iter().map(cosine)),
            three: Between::of(of_file.values().map(|file| file.1)),
            mean: Between::of(of_file.values().map(|file| file.2)),
            files: of_file,
        })
    }

    fn describe(&self, at: usize, file: u32, set: &mut impl FnMut(Feature, f32)) {
        set(Feature::Quality, self.chunks.share(self.cosines[at]));
        set(Feature::QualityCosine, self.cosines[at]);
        set(Feature::QualityRank, self.ranks[at].0);
        let (most, three, mean, hits) = self.files[&file];
        set(Feature::FileQuality, self.chunks.share(most));
        set(Feature::FileQualityThree, self.three.share(three));
        set(Feature::FileQualityMean, self.mean.share(mean));
        set(Feature::FileHitsQuality, (hits as f32 / 5.0).min(1.0));
    }
}

/// The query's vector, and the model that it is of.
#[derive(Clone, Copy)]
pub(crate) struct Meaning<'a> {
    pub(crate) model: &'a str,
    pub(crate) vector: &'a [f32],
}

/// Cosines of all rows of a file: the mean of the best three and of all.
fn file_meaning(
    corpus: &Corpus<'_>,
    file: u32,
    query: &RoughQuery,
) -> Result<(f32, f32), SearchError> {
    let mut best = [0.0_f32; 3];
    let (mut sum, mut count) = (0.0, 0_u32);
    corpus.rough_cosines(file, query, |cosine| {
        sum += cosine;
        count += 1;
        if cosine > best[2] {
            best[2] = cosine;
            best.sort_unstable_by(|a, b| b.total_cmp(a));
        }
    })?;
    let most = count.clamp(1, 3) as f32;
    Ok((
        best.iter().sum::<f32>() / most,
        (sum / count.max(1) as f32).max(0.0),
    ))
}

/// Describes all candidates.
pub(crate) fn describe(
    corpus: &Corpus<'_>,
    understanding: &Understanding,
    candidates: &Candidates,
    vectors: &QueryVectors<'_>,
) -> Result<Vec<Described>, SearchError> {
    let meaning = vectors.first.as_ref().map(QueryVector::meaning);
    let lexicon = Lexicon::new(understanding, candidates.lexical.as_ref());
    let rows = &candidates.rows;
    let files: Vec<u32> = rows.iter().map(|one| corpus.file_of_row(one.row)).collect();
    let cosine = |one: &Candidate| one.cosine.unwrap_or(0.0).max(0.0);
    let by_words = ranks(rows, |one| one.lexical);
    let by_meaning = ranks(rows, cosine);
    let mut of_file: FxHashMap<u32, (f32, u32, u32)> = FxHashMap::default();
    let mut distinct: Vec<u32> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let (most, words, meaning) = of_file.entry(*file).or_insert_with(|| {
            distinct.push(*file);
            (0.0, 0, 0)
        });
        *most = most.max(cosine(&rows[at]));
        *words += u32::from(by_words[at].1);
        *meaning += u32::from(by_meaning[at].1);
    }
    let facts: Vec<FileFacts> = distinct
        .par_iter()
        .with_min_len(PARALLEL)
        .map(|file| FileFacts::of(corpus, *file, candidates, &lexicon, understanding))
        .collect();
    let mut facts: FxHashMap<u32, FileFacts> = distinct.iter().copied().zip(facts).collect();
    // Files of one repository are compared by their paths, never those of several.
    for part in 0..corpus.parts().len() {
        let own = distinct.iter().copied();
        let own: Vec<u32> = own
            .filter(|file| corpus.places().of_file(*file).0 == part)
            .collect();
        let paths: Vec<&str> = own.iter().map(|file| corpus.file(*file).0).collect();
        for (file, is_built) in own.iter().zip(built_twins(&paths)) {
            if is_built && let Some(facts) = facts.get_mut(file) {
                facts.role = FileRole::Built;
            }
        }
        for (file, older) in own.iter().zip(older_versions(&paths)) {
            if let (Some(folder), Some(facts)) = (older, facts.get_mut(file)) {
                let folder = folder.to_lowercase();
                facts.is_past |= !understanding.words.contains(&folder);
            }
        }
    }
    if let Some(meaning) = meaning {
        let query = RoughQuery::new(meaning.vector, meaning.model);
        for file in &distinct {
            let (three, mean) = file_meaning(corpus, *file, &query)?;
            if let Some(facts) = facts.get_mut(file) {
                facts.meaning_three = three;
                facts.meaning_mean = mean;
            }
        }
    }
    let most = |value: &dyn Fn(usize) -> f32| {
        (0..rows.len())
            .map(value)
            .fold(0.0_f32, f32::max)
            .max(f32::MIN_POSITIVE)
    };
    let best = Best {
        words: most(&|at| rows[at].lexical),
        file_words: most(&|at| facts[&files[at]].score),
        chunks: most(&|at| facts[&files[at]].best_three),
        cosine: most(&|at| cosine(&rows[at])),
        three: most(&|at| facts[&files[at]].meaning_three),
        mean: most(&|at| facts[&files[at]].meaning_mean),
    };
    let quality = match (&vectors.quality, candidates.guess) {
        (Some(query), Some(guess)) => {
            let meaning = query.meaning();
            Some(Quality::of(
                corpus, candidates, &files, &facts, meaning, guess,
            )?)
        }
        _ => None,
    };
    let phrases = phrases(corpus, candidates, &files, &lexicon, understanding)?;
    let described = (0..rows.len())
        .into_par_iter()
        .with_min_len(PARALLEL)
        .map(|at| {
            let file = files[at];
            let mut features = [0.0; FEATURES];
            let mut set = |feature: Feature, value: f32| features[feature as usize] = value;
            if let Some(quality) = &quality {
                quality.describe(at, file, &mut set);
            }
            set(Feature::WordsRank, by_words[at].0);
            set(Feature::MeaningRank, by_meaning[at].0);
            set(Feature::FileMeaning, of_file[&file].0 / best.cosine);
            set(
                Feature::FileHitsWords,
                (of_file[&file].1 as f32 / 5.0).min(1.0),
            );
            set(
                Feature::FileHitsMeaning,
                (of_file[&file].2 as f32 / 5.0).min(1.0),
            );
            set(Feature::Meaning, cosine(&rows[at]) / best.cosine);
            set(Feature::Cosine, cosine(&rows[at]));
            set(Feature::Words, rows[at].lexical / best.words);
            describe_file(&facts[&file], &best, understanding, &mut set);
            describe_chunk(
                corpus,
                &rows[at],
                candidates,
                &lexicon,
                understanding,
                &mut set,
            );
            set(Feature::Phrase, phrases.get(&at).copied().unwrap_or(0.0));
            Described {
                row: rows[at].row,
                file,
                features,
            }
        })
        .collect();
    Ok(described)
}

/// Candidates whose text is read for runs of the query's words.
const READ: usize = 24;

/// By number of the candidate: how much of the query stands in it word for word.
/// Only of those that hold most of its words is the text read, each file once.
fn phrases(
    corpus: &Corpus<'_>,
    candidates: &Candidates,
    files: &[u32],
    lexicon: &Lexicon,
    understanding: &Understanding,
) -> Result<FxHashMap<usize, f32>, SearchError> {
    let rows = &candidates.rows;
    let (Some(phrase), Some(scores)) = (Phrase::of(&understanding.text), &candidates.lexical)
    else {
        return Ok(FxHashMap::default());
    };
    let mut near: Vec<(f32, usize)> = (0..rows.len())
        .map(|at| (lexicon.share(scores.matched(rows[at].row)), at))
        .filter(|one| one.0 > 0.0)
        .collect();
    near.sort_by(|a, b| {
        let words = |one: usize| rows[one].lexical;
        (b.0.total_cmp(&a.0))
            .then(words(b.1).total_cmp(&words(a.1)))
            .then(a.1.cmp(&b.1))
    });
    let mut of_file: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (_, at) in near.into_iter().take(READ) {
        of_file.entry(files[at]).or_default().push(at);
    }
    let found: Result<Vec<Vec<(usize, f32)>>, SearchError> = of_file
        .into_par_iter()
        .map(|(file, all)| {
            let text = corpus.file_text(file)?;
            let share = |at: usize| {
                let bytes = corpus.chunk(rows[at].row).span.bytes;
                (at, phrase.share(bytes.of(&text)))
            };
            Ok(all.into_iter().map(share).collect())
        })
        .collect();
    Ok(found?.into_iter().flatten().collect())
}

fn flag(holds: bool) -> f32 {
    f32::from(u8::from(holds))
}

fn describe_file(
    facts: &FileFacts,
    best: &Best,
    asked: &Understanding,
    set: &mut impl FnMut(Feature, f32),
) {
    set(Feature::FileWords, facts.score / best.file_words);
    set(Feature::FileBest, facts.best_three / best.chunks);
    set(Feature::FileMeaningThree, facts.meaning_three / best.three);
    set(Feature::FileMeaningMean, facts.meaning_mean / best.mean);
    set(Feature::FileHeading, facts.heading);
    set(Feature::FileDensity, facts.density);
    set(Feature::FileCovered, facts.covered);
    set(Feature::Path, facts.path);
    set(Feature::Folders, facts.folders);
    set(Feature::FileName, facts.name);
    set(Feature::FileNameAsked, facts.name_asked);
    set(Feature::FileNameIs, facts.name_is);
    set(Feature::PathAsked, flag(facts.path_asked));
    let (role, wanted) = match facts.role {
        FileRole::Code => (None, false),
        FileRole::Test => (Some(Feature::Test), asked.wants_tests),
        FileRole::Example => (
            Some(Feature::Example),
            asked.wants_examples || asked.wants_prose,
        ),
        FileRole::Vendored => (Some(Feature::Vendored), false),
        FileRole::Built => (Some(Feature::Built), false),
        FileRole::Prose => (Some(Feature::Prose), asked.wants_prose),
        FileRole::Data => (Some(Feature::Data), asked.wants_data),
    };
    if let Some(role) = role {
        set(if wanted { Feature::RoleAsked } else { role }, 1.0);
    }
    set(Feature::UntoldName, flag(facts.is_untold));
    set(Feature::MixedName, flag(facts.is_mixed));
    set(Feature::Past, flag(facts.is_past));
    set(Feature::Inner, flag(facts.is_inner));
    set(Feature::OtherPlatform, flag(facts.is_other_platform));
    set(Feature::Declares, flag(facts.only_declares));
    set(
        Feature::FileSize,
        ((facts.rows as f32).ln_1p() / 8.0).min(1.0),
    );
    set(Feature::Depth, (facts.depth as f32 / 8.0).min(1.0));
}

fn describe_chunk(
    corpus: &Corpus<'_>,
    candidate: &Candidate,
    candidates: &Candidates,
    lexicon: &Lexicon,
    asked: &Understanding,
    set: &mut impl FnMut(Feature, f32),
) {
    let chunk = corpus.chunk(candidate.row);
    if let Some(scores) = &candidates.lexical {
        set(
            Feature::Covered,
            lexicon.share(scores.matched(candidate.row)),
        );
        set(
            Feature::Heading,
            lexicon.share(scores.matched_in_heading(candidate.row)),
        );
    }
    let name = chunk.path.rsplit('/').next().unwrap_or(chunk.path);
    let stem_key = words::identifier_key(stem(name));
    let named = named(corpus, candidate.row, &stem_key, lexicon, asked);
    set(Feature::SymbolWords, named.covered);
    set(Feature::SymbolAsked, named.asked);
    set(Feature::SymbolIs, named.is);
    set(Feature::IsNamesake, flag(named.namesake));
    match candidate.symbol {
        SymbolMatch::None => {}
        SymbolMatch::Partial => set(Feature::SymbolLoose, candidate.part * 0.5),
        SymbolMatch::Loose => set(Feature::SymbolLoose, 1.0),
        SymbolMatch::Exact => set(Feature::SymbolExact, 1.0),
        SymbolMatch::Qualified => set(Feature::SymbolQualified, 1.0),
    }
    let above = chunk.breadcrumb.rsplit_once("::").map_or("", |one| one.0);
    set(Feature::Breadcrumb, lexicon.share(lexicon.matched(above)));
    match chunk.kind {
        ChunkKind::Class
        | ChunkKind::Struct
        | ChunkKind::Enum
        | ChunkKind::Interface
        | ChunkKind::Trait
        | ChunkKind::Type => {
            set(Feature::IsType, 1.0);
        }
        ChunkKind::Function | ChunkKind::Method | ChunkKind::Macro => set(Feature::IsFunction, 1.0),
        ChunkKind::Impl => set(Feature::IsImpl, 1.0),
        ChunkKind::Code | ChunkKind::Text => set(Feature::IsLoose, 1.0),
        ChunkKind::Test if !asked.wants_tests => set(Feature::Test, 1.0),
        _ => {}
    }
    let bytes = chunk.span.bytes.end - chunk.span.bytes.start;
    set(Feature::Size, ((bytes as f32).ln_1p() / 9.0).min(1.0));
    let has_line = |line: Option<u32>| {
        line.is_some_and(|line| (chunk.span.start_line..=chunk.span.end_line).contains(&line))
    };
    if asked.paths.iter().any(|path| has_line(path.line)) {
        let path = chunk.path.to_lowercase();
        let mut meant = asked.paths.iter().filter(|path| has_line(path.line));
        set(
            Feature::LineAsked,
            flag(meant.any(|asked| asked.means(&path))),
        );
    }
    let is_first = corpus.file_rows(chunk.file).start == candidate.row;
    set(Feature::IsFirst, flag(is_first));
}
