import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { unwrapWoff } from './woff.js';

type Document = PDFKit.PDFDocument;

/** Letters of every script: DejaVu Sans, and UnifontEX for what it lacks (Chinese, Japanese, Korean, Thai ...). */
const FONTS = {
  plain: 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf',
  bold: 'dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf',
  other: '@fontsource/unifontex/files/unifontex-latin-400-normal.woff',
} as const;
type Font = keyof typeof FONTS;

export interface Style {
  /** Points. */
  readonly size: number;
  readonly isBold?: boolean;
  readonly colour?: string;
}

/** A line's height in sizes. */
const LEADING = 1.35;

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}]/u;

interface Run {
  readonly font: Font;
  readonly text: string;
}

/** What is used of a font by fontkit, which pdfkit's own types do not show. */
interface FontBelow {
  readonly unitsPerEm: number;
  hasGlyphForCodePoint(code: number): boolean;
  glyphForCodePoint(code: number): { readonly advanceWidth: number };
}

/** Text on a page, in lines; every letter in a font that has it, a letter that none has as its code point. */
export class Writer {
  readonly #document: Document;
  readonly #fonts = new Map<Font, FontBelow>();
  /** By font and letter, in sizes: shaping every line that is tried takes seconds a page. */
  readonly #widths = new Map<string, number>();

  constructor(document: Document) {
    this.#document = document;
  }

  /** A font is read when a letter first needs it: most pages need one. */
  #font(name: Font): FontBelow {
    const known = this.#fonts.get(name);
    if (known) return known;
    const file = createRequire(import.meta.url).resolve(FONTS[name]);
    this.#document.registerFont(name, unwrapWoff(readFileSync(file))).font(name);
    const { font } = (this.#document as unknown as { _font: { font: FontBelow } })._font;
    this.#fonts.set(name, font);
    return font;
  }

  /** Lines of at most `width` points: broken between words, and within one that is longer or of a script without spaces. */
  lines(text: string, width: number, style: Style): readonly string[] {
    const lines: string[] = [];
    let line = '';
    for (const piece of text.split(/(?<=\s)|(?<=[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef])/u)) {
      if (this.width(line + piece.trimEnd(), style) <= width) {
        line += piece;
        continue;
      }
      if (line.trim()) lines.push(line.trim());
      line = '';
      for (const letter of piece) {
        if (line && this.width(line + letter, style) > width) {
          lines.push(line);
          line = '';
        }
        line += letter;
      }
    }
    if (line.trim()) lines.push(line.trim());
    return lines;
  }

  width(text: string, style: Style): number {
    const runs = this.#runs(text, style);
    return style.size * runs.reduce((sum, run) => sum + this.#runWidth(run), 0);
  }

  /** In sizes; without kerning, which only draws letters nearer to each other. */
  #runWidth({ font, text }: Run): number {
    let width = 0;
    for (const letter of text) {
      const key = `${font} ${letter}`;
      let own = this.#widths.get(key);
      if (own === undefined) {
        const below = this.#font(font);
        own = below.glyphForCodePoint(letter.codePointAt(0)!).advanceWidth / below.unitsPerEm;
        this.#widths.set(key, own);
      }
      width += own;
    }
    return width;
  }

  heightOf(text: string, width: number, style: Style): number {
    return this.lines(text, width, style).length * style.size * LEADING;
  }

  /** @returns where the next line begins */
  write(text: string, x: number, y: number, width: number, style: Style): number {
    let below = y;
    for (const line of this.lines(text, width, style)) {
      let at = x;
      for (const run of this.#runs(line, style)) {
        this.#set(run, style)
          .fillColor(style.colour ?? '#000')
          .text(run.text, at, below, { lineBreak: false, baseline: -style.size });
        at += style.size * this.#runWidth(run);
      }
      below += style.size * LEADING;
    }
    return below;
  }

  #set({ font }: Run, { size }: Style): Document {
    this.#font(font);
    return this.#document.font(font).fontSize(size);
  }

  #runs(text: string, { isBold }: Style): readonly Run[] {
    const runs: { font: Font; text: string; isRightToLeft: boolean }[] = [];
    let isRightToLeft = false;
    for (const letter of text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ')) {
      const code = letter.codePointAt(0)!;
      const isPlain = this.#font('plain').hasGlyphForCodePoint(code);
      const isKnown = isPlain || this.#font('other').hasGlyphForCodePoint(code);
      const font: Font = isKnown && !isPlain ? 'other' : isBold ? 'bold' : 'plain';
      const written = isKnown ? letter : `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`;
      // A run is drawn in one direction; a space goes with the letters before it.
      if (letter !== ' ') isRightToLeft = RIGHT_TO_LEFT.test(letter);
      const last = runs.at(-1);
      if (last?.font === font && last.isRightToLeft === isRightToLeft) last.text += written;
      else runs.push({ font, text: written, isRightToLeft });
    }
    return runs;
  }
}
