// The page that draws a graph: Graphviz lays it out, Ctrl and the wheel zoom.
import { instance } from '@viz-js/viz';

// the longest line of a label, in characters
const LINE = 44;

/** Breaks the long lines of labels at commas and braces, so that boxes stay narrow. */
function broken(dot: string): string {
  return dot.replaceAll(/label = "((?:[^"\\]|\\.)*)"/g, (_, label: string) => {
    const lines = label.split('\\n').flatMap(line => {
      const parts: string[] = [];
      for (const piece of line.split(/(?<=, )|(?= \{)/)) {
        const last = parts.at(-1);
        if (last !== undefined && last.length + piece.length <= LINE) {
          parts[parts.length - 1] = last + piece;
        } else {
          parts.push(piece.trimStart());
        }
      }
      return parts;
    });
    return `label = "${lines.join('\\n')}"`;
  });
}

async function draw(): Promise<void> {
  const status = document.getElementById('status')!;
  const source = document.getElementById('dot') as HTMLTextAreaElement;
  try {
    // Graphviz knows the widths of Courier; the page's font is as wide
    const font = { fontname: 'Courier', fontsize: 11 };
    const svg = (await instance()).renderSVGElement(broken(source.value), { nodeAttributes: { ...font, margin: '0.1,0.05' } });
    const width = svg.width.baseVal.value;
    const height = svg.height.baseVal.value;
    // at first all of its width is seen
    let zoom = Math.min(1, document.body.clientWidth / width);
    const show = () => {
      svg.style.width = `${width * zoom}px`;
      svg.style.height = `${height * zoom}px`;
    };
    show();
    window.addEventListener(
      'wheel',
      event => {
        if (event.ctrlKey) {
          event.preventDefault();
          zoom = Math.min(8, Math.max(0.05, zoom * Math.exp(-event.deltaY / 400)));
          show();
        }
      },
      { passive: false },
    );
    status.replaceWith(svg);
  } catch (error) {
    status.textContent = `The graph cannot be drawn: ${error instanceof Error ? error.message : String(error)}`;
  }
}

void draw();
