// The page that draws a graph: Graphviz lays it out, Ctrl and the wheel zoom.
import { instance } from '@viz-js/viz';

async function draw(): Promise<void> {
  const status = document.getElementById('status')!;
  const source = document.getElementById('dot') as HTMLTextAreaElement;
  try {
    const svg = (await instance()).renderSVGElement(source.value);
    const width = svg.width.baseVal.value;
    const height = svg.height.baseVal.value;
    let zoom = 1;
    svg.removeAttribute('height');
    svg.style.width = `${width}px`;
    window.addEventListener(
      'wheel',
      event => {
        if (event.ctrlKey) {
          event.preventDefault();
          zoom = Math.min(8, Math.max(0.05, zoom * Math.exp(-event.deltaY / 400)));
          svg.style.width = `${width * zoom}px`;
          svg.style.height = `${height * zoom}px`;
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
