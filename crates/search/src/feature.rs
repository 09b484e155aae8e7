//! The features of a candidate, by name: what each says, in the order that
//! rankers and files of weights know them by.

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A feature; its number is its place in [`Features`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Feature { $($(#[$doc])* $variant,)* }

        impl Feature {
            /// All features, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in explanations and in the file of weights.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        /// How many features there are.
        pub const FEATURES: usize = [$(Feature::$variant,)*].len();
    };
}

features! {
    /// BM25 of the chunk, as a share of the best candidate's.
    Words = "words",
    /// `1 / (1 + rank / 10)` of the chunk by BM25.
    WordsRank = "words_rank",
    /// Share of the query that the chunk's text covers.
    Covered = "covered",
    /// Share that its names and doc comment cover.
    Heading = "heading",
    /// Cosine of chunk and query, as a share of the best candidate's.
    Meaning = "meaning",
    /// The cosine itself.
    Cosine = "cosine",
    /// `1 / (1 + rank / 10)` of the chunk by cosine.
    MeaningRank = "meaning_rank",
    /// Share of the query that a name defined in the chunk covers.
    SymbolWords = "symbol_words",
    /// How much of such a name the query has.
    SymbolAsked = "symbol_asked",
    /// Share of the question's words that together are such a name.
    SymbolIs = "symbol_is",
    /// A name of the query is defined here but for case style or qualifiers.
    SymbolLoose = "symbol_loose",
    /// A name of the query is defined here as written.
    SymbolExact = "symbol_exact",
    /// A name of the query and its qualifiers are.
    SymbolQualified = "symbol_qualified",
    /// Share of the query that the enclosing names cover.
    Breadcrumb = "breadcrumb",
    /// Defines a class, struct, trait or another type.
    IsType = "is_type",
    /// Defines a function, method or macro.
    IsFunction = "is_function",
    /// Implements a type elsewhere defined.
    IsImpl = "is_impl",
    /// Code outside of any definition.
    IsLoose = "is_loose",
    /// Logarithm of the chunk's bytes, 0 to 1.
    Size = "size",
    /// The first chunk of its file.
    IsFirst = "is_first",
    /// Defines what the file is named after.
    IsNamesake = "is_namesake",
    /// BM25 of the file, as a share of the best candidate's.
    FileWords = "file_words",
    /// Sum of the file's best three chunks, as a share of the best.
    FileBest = "file_best",
    /// Share of the query that the file's text covers.
    FileCovered = "file_covered",
    /// The greatest cosine of the file's candidates, as a share of the best.
    FileMeaning = "file_meaning",
    /// The mean of the file's best three cosines, as a share of the best.
    FileMeaningThree = "file_meaning_three",
    /// The mean cosine of the whole file, as a share of the best.
    FileMeaningMean = "file_meaning_mean",
    /// Share of the query that names and doc comments of the file cover.
    FileHeading = "file_heading",
    /// How much of the file's chunks hold the query's terms, by their shares.
    FileDensity = "file_density",
    /// Candidates of the file among the best 20 by words, of 5.
    FileHitsWords = "file_hits_words",
    /// Candidates of the file among the best 20 by meaning, of 5.
    FileHitsMeaning = "file_hits_meaning",
    /// Cosine by the second model, 0 for the least of the candidates and 1 for the best.
    Quality = "quality",
    /// That cosine itself.
    QualityCosine = "quality_cosine",
    /// `1 / (1 + rank / 10)` of the chunk by it.
    QualityRank = "quality_rank",
    /// The greatest `quality` of the file's candidates.
    FileQuality = "file_quality",
    /// The mean of the file's best three cosines by the second model, 0 to 1 as `quality`.
    FileQualityThree = "file_quality_three",
    /// The mean cosine of the whole file, 0 to 1 as `quality`.
    FileQualityMean = "file_quality_mean",
    /// Candidates of the file among the best 20 by it, of 5.
    FileHitsQuality = "file_hits_quality",
    /// Share of the query that the path covers.
    Path = "path",
    /// Share that its folders cover.
    Folders = "folders",
    /// Share that the file's name covers.
    FileName = "file_name",
    /// How much of the file's name the query has.
    FileNameAsked = "file_name_asked",
    /// Share of the question's words that together are the file's name.
    FileNameIs = "file_name_is",
    /// The query names this path.
    PathAsked = "path_asked",
    /// The query names a line, and the chunk has it.
    LineAsked = "line_asked",
    /// Words of the query stand here as they are asked, one after another; 0 to 2.
    Phrase = "phrase",
    /// A test, and none was asked for.
    Test = "test",
    /// An example, and none was asked for.
    Example = "example",
    /// Somebody else's code, copied in.
    Vendored = "vendored",
    /// Made from other files that are here too.
    Built = "built",
    /// Text for people, not asked for.
    Prose = "prose",
    /// Data or configuration, not asked for.
    Data = "data",
    /// A test, example, text or data, and such was asked for.
    RoleAsked = "role_asked",
    /// The file's name says nothing (`index`, `mod`, `main`).
    UntoldName = "untold_name",
    /// The file's name promises a bit of everything (`utils`).
    MixedName = "mixed_name",
    /// Kept for the past (`legacy`, `compat`, `v3` beside `v4`), and that was not
    /// asked for.
    Past = "past",
    /// Not for callers (`internal`, `impl`), and that was not asked for.
    Inner = "inner",
    /// Of another platform than most, and that was not asked for.
    OtherPlatform = "other_platform",
    /// A header or another file that only declares.
    Declares = "declares",
    /// Logarithm of the file's chunks, 0 to 1.
    FileSize = "file_size",
    /// Folders above the file, of 8.
    Depth = "depth",
}

/// One candidate's features, by [`Feature`].
pub type Features = [f32; FEATURES];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_have_names_of_their_own_and_count_up() {
        let mut names: Vec<&str> = Feature::ALL.iter().map(|one| one.name()).collect();
        for (number, feature) in Feature::ALL.iter().enumerate() {
            assert_eq!(*feature as usize, number);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FEATURES);
    }
}
