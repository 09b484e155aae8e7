// How code is written, by families of languages: comments, strings, keywords, as far as colouring
// needs it. Data only; lexer.js makes one expression of each entry.
//
// No expression scans text that it does not take, but for a bounded stretch: so colouring is
// linear, whatever the text holds. `|$)` is the end of the text, `^` the start of a line.

const quote = /"(?:[^"\\\n]|\\[^])*"?/;
const longQuote = /"(?:[^"\\]|\\[^])*"?/;
const tick = /'(?:[^'\\\n]|\\[^])*'?/;
const longTick = /'[^']*'?/;
const grave = /`(?:[^`\\]|\\[^])*`?/;
const triple = /"""[^]*?(?:"""|$)/;
const tripleTick = /'''[^]*?(?:'''|$)/;
// Where a tick is not always a quote: lifetimes, type variables.
const character = /'(?:\\[^\n']{1,10}|\\'|[^\\\n'])'/;
const heredoc = /<<[-~]?(?<q>["']?)(?<end>[A-Za-z_]\w{0,64})\k<q>[^]*?(?:\n[\t ]*\k<end>\b|$)/;

const slash = /\/\/.*/;
const block = /\/\*[^]*?(?:\*\/|$)/;
const hash = /(?<![^\s])#.*/;
const dash = /--.*/;

const variable = /[$@%]\w+|\$[{(]\w+[})]/;
const key = /(?<=^[\t ]{0,99}(?:- {1,9}){0,9})(?!- )[\w./$"'-][^:#\n]{0,99}?(?=:(?:\s|$))/;
const assigned = /^[\t ]*[\w."'-]{1,99}(?=[\t ]{0,9}=)/;

const flow = "if else for while return break continue true false in do";
// What is a keyword in one and no usual name in the others.
const classes = `${flow} abstract as async await auto bool boolean byte case catch char class const constexpr default
  defer delete double enum explicit export extends extern final finally float foreach friend from function goto
  implements import inline instanceof int interface internal is let long mut namespace new nil null nullptr NULL of
  operator override package private protected public readonly sealed short signed sizeof static string struct super
  switch template this throw throws try typedef typename typeof undefined union unsafe unsigned using var virtual void
  volatile yield`;
const ends = `${flow} and begin case class cond def defmodule defp elsif elseif end ensure extend fn function include
  let local macro module mutable my next nil NULL TRUE FALSE not or package print private raise repeat require rescue self struct sub
  super then unless until use when with yield`;
const ml = `as begin case class data deriving do done else end exception false for forall fun function if import in
  include inherit instance let match module mutable newtype not null of open or rec then to true try type val when
  where while with`;

const of = (comments, strings, words, more = {}) => ({ comments, strings, words, ...more });
const curly = (words = "", strings = [quote, tick], more = {}) => of([slash, block], strings, `${classes} ${words}`, more);

const c = { attributes: [/^[\t ]*#[\t ]*\w+/] };
const cpp = curly("", [quote, tick], c);
const java = curly("", [triple, quote, tick]);
const javascript = curly("get set", [quote, tick, grave]);
const ruby = of([hash], [heredoc, triple, quote, tick], ends, { extra: "?!", properties: [variable] });
const bash = of([hash], [heredoc, longQuote, longTick], `${flow} then elif fi done case esac function until local end
  export readonly set unset shift exit source eval trap`, { extra: "-", properties: [variable] });
const settings = of([hash, /^;.*/], [triple, tripleTick, quote, tick], "true false yes no null", {
  isFolded: true, properties: [assigned], attributes: [/^\[.*\]/] });

/** By canonical name; a language that is not here is shown as it is. */
export const LANGUAGES = {
  rust: of([slash, block], [/b?r(?<raw>#{0,9})"[^]*?(?:"\k<raw>|$)/, longQuote, character], `${flow} as async await
    const crate dyn enum extern fn impl let loop match mod move mut pub ref self Self static struct super trait type
    unsafe use where`,
    { attributes: [/#!?\[.{0,200}?\]/, /\w+!(?=[([{ ])/] }),
  python: of([/#.*/], [triple, tripleTick, quote, tick], `${flow} and as assert async await case class def del elif
    except finally from global import is lambda match None nonlocal not or pass raise self True False try with yield`),
  javascript,
  typescript: { ...javascript, words: `${classes} any declare get keyof never number set type unknown` },
  go: curly("chan error fallthrough func go iota map range select type", [quote, tick, grave]),
  java,
  cpp,
  csharp: curly("get lock out ref set where", [triple, /@"[^"]*"?/, quote, tick], c),
  php: curly("array echo elseif fn isset trait use", [heredoc, quote, tick], { properties: [variable] }),
  kotlin: curly("companion fun init object open val when", [triple, quote, tick]),
  swift: curly("extension func guard init protocol self where", [triple, quote]),
  scala: curly("def given lazy match object trait type val with", [triple, quote, character]),
  solidity: curly("contract emit event external fn message modifier oneof pub pure repeated require returns rpc service view"),
  json: of([slash, block], [quote], "true false null", { properties: [/"(?:[^"\\\n]|\\.){0,200}"(?=\s{0,9}:)/] }),
  css: of([slash, block], [quote, tick], "important from to and not only if else for each while return", { extra: "-",
    properties: [/^[\t ]*[\w-]{1,99}(?=[\t ]{0,9}:[^{\n]{0,400}$)/, /\$\w+/] }),
  html: of([/<!--[^]*?(?:-->|$)/], [/"[^"]*"?/], "", { isFolded: true, extra: "-:", keywords: [/<[/!?]?[\w:.-]+|\/?>/],
    properties: [/[\w:@.-]{1,99}(?==["'{])/] }),
  ruby,
  julia: { ...ruby, comments: [/#=[^]*?(?:=#|$)/, hash], strings: [triple, quote, character] },
  lua: of([dash], [quote, tick], ends),
  erlang: of([/%.*/], [quote, tick], ends),
  haskell: of([dash, /\{-[^]*?(?:-\}|$)/], [triple, quote, character], ml, { extra: "'" }),
  ocaml: of([/\(\*[^]*?(?:\*\)|$)/], [longQuote, character], ml),
  nix: of([hash, block], [/''[^]*?(?:''|$)/, longQuote], ml, { extra: "-'" }),
  bash,
  sql: of([dash, block], [longTick, quote], `all alter and as before after begin by case check commit constraint
    create default delete distinct drop else end exists false foreign from function group having if in index inner insert
    into is join key left like limit not null on or order primary references return returns select set table then trigger
    true union unique update using values view when where with`, { isFolded: true }),
  clojure: of([/;.*/], [longQuote], "def defn defmacro defun define lambda let if cond case when do loop fn ns nil true false", { extra: "-?!*" }),
  toml: settings,
  hcl: { ...settings, comments: [slash, block, hash], strings: [heredoc, quote] },
  yaml: { ...settings, strings: [quote, tick], properties: [key] },
  dockerfile: of([hash], [quote, tick], "as", { isFolded: true, keywords: [/^[A-Z]{3,20}(?=[\t ])/], properties: [variable] }),
  make: of([hash], [], "", { isFolded: true, keywords: [/^-?(?:include|ifn?eq|ifn?def|else|endif|define|endef|export)\b/],
    functions: [/^[^\s:=#][^:=#\n]{0,200}(?=:)/], properties: [variable] }),
  markdown: of([], [/^```[^]*?(?:^```|$)/, /`[^`\n]*`?/], "", { isFolded: true, keywords: [/^#{1,6} .*/], attributes: [/\*\*[^*\n]{1,200}\*\*/] }),
};

// Near enough to another to be coloured like it.
const alike = `c=cpp objective-c=cpp tsx=typescript bazel=python elixir=ruby graphql=ruby perl=ruby r=ruby fish=bash
  cmake=bash groovy=java dart=java protobuf=solidity zig=solidity ocaml-interface=ocaml scss=css ini=toml svelte=html
  vue=html xml=html`;
for (const pair of alike.split(/\s+/)) {
  const [name, other] = pair.split("=");
  LANGUAGES[name] = LANGUAGES[other];
}
