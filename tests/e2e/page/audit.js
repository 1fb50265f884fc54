/* What is wrong with the page as it stands, for people who cannot see it well or not at all: a list of sentences. */
() => {
    const faults = [];
    const dialog = [...document.querySelectorAll('dialog[open]')].pop();
    const scope = dialog ?? document.body;
    const seen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const hidden = (element) => element.closest('[aria-hidden="true"], .hidden-visually') !== null;
    const told = (element) => element.outerHTML.slice(0, 120);

    const words = (element) => {
        if (element.getAttribute('aria-label')) return element.getAttribute('aria-label');
        const by = element.getAttribute('aria-labelledby');
        if (by) return by.split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
        if (element.labels?.length) return [...element.labels].map((label) => label.textContent).join(' ');
        const copy = element.cloneNode(true);
        for (const part of copy.querySelectorAll('[aria-hidden="true"]')) part.remove();
        return copy.textContent + [...copy.querySelectorAll('img')].map((image) => image.alt).join(' ');
    };

    if (!document.documentElement.lang) faults.push('the page does not say its language');
    if (!document.title) faults.push('the page has no title');
    const heads = [...document.querySelectorAll('h1')].filter(seen);
    if (heads.length !== 1) faults.push(`${heads.length} headings of the first level`);
    const levels = [...scope.querySelectorAll('h1, h2, h3, h4')].filter(seen).map((head) => Number(head.tagName[1]));
    levels.forEach((level, i) => { if (i > 0 && level > levels[i - 1] + 1) faults.push(`heading jumps to level ${level}`); });
    if (!document.querySelector('main')) faults.push('no main landmark');

    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) faults.push(`id ${id} is there twice`);
    for (const image of document.querySelectorAll('img:not([alt])')) faults.push(`no alternative text: ${told(image)}`);
    for (const element of document.querySelectorAll('[tabindex]')) {
        if (Number(element.getAttribute('tabindex')) > 0) faults.push(`order of focus is bent: ${told(element)}`);
    }
    for (const element of scope.querySelectorAll('button, a[href], input, select, textarea, summary, dialog, audio[controls], [role=log]')) {
        if (!seen(element)) continue;
        if (!words(element).trim()) faults.push(`has no name: ${told(element)}`);
        const { width, height } = element.getBoundingClientRect();
        if (element.matches('[role=log]')) continue;
        const inline = element.matches('input[type=checkbox], input[type=radio]') ? 20 : 24;
        if (width < inline || height < inline) faults.push(`too small to hit (${width} x ${height}): ${told(element)}`);
    }

    // A word of a label stands in one line. Long ones may have to be broken, names above all, and those say where.
    for (const element of scope.querySelectorAll('button, .button')) {
        const labels = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        for (let node = labels.nextNode(); node; node = labels.nextNode()) {
            const { clientWidth, clientHeight } = node.parentElement;
            const clipped = clientWidth === 1 && clientHeight === 1;
            if (clipped || !seen(node.parentElement) || hidden(node.parentElement) || getComputedStyle(node.parentElement).hyphens === 'auto') continue;
            for (const word of node.textContent.matchAll(/(?<!\S)\S{2,12}(?!\S)/g)) {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) faults.push(`broken in two: "${word[0]}"`);
            }
        }
    }

    const rgb = (text) => /^rgba?\(/.test(text) ? text.match(/[\d.]+/g).map(Number) : null;
    const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = rgb(getComputedStyle(at).backgroundColor);
            if (colour === null || getComputedStyle(at).backgroundImage.includes('oklch')) return null;
            if ((colour[3] ?? 1) > 0.99) return colour;
        }
        return [255, 255, 255];
    };
    const walker = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.textContent.trim() || !seen(element) || hidden(element)) continue;
        const style = getComputedStyle(element);
        const [front, back] = [rgb(style.color), ground(element)];
        if (!front || !back) continue;
        const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: "${node.textContent.trim().slice(0, 40)}"`);
    }
    return faults;
}
