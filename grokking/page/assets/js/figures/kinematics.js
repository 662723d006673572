// A throw of the reader's choice: the formula, what a network answered, and the errors of all throws.
//
// The record is that of grokking/page/trajectories.py: an answer for every launch of the grid, so each setting of
// the controls shows what the network said and nothing is interpolated.
(function () {
  'use strict';
  const T = window.Timeless;
  const WORST = 2; // metres, at which a cell of the map has its full colour

  T.figure('kinematics', {
    title: 'Throw it yourself',
    caption:
      'Height against distance, in metres: the line is the formula, dots are the network’s answers. The map shows the mean error of every throw of the grid; choose one with the sliders or on the map. The clock moves through this run in proportion to its own steps.',
    read: `Blue dots were trained on, orange ones never. A network that has learnt the motion puts both on the line; one that has memorised only the blue ones. In the map, columns are launch angles and rows are speeds; full colour means ${WORST} m or more. Triangles mark angles and speeds that were never trained: those angles lie between trained ones, those speeds beyond. A dot is the middle of a bin of heights, so even right answers lie a little off the line. Distances at which the ball has landed, or flies above the ceiling of the task, are not asked.`,
    needs: () =>
      T.page.kinematics
        ? null
        : 'No kinematics run was given. grokking train --preset kinematics makes one; grokking page RUN_DIR --kinematics ITS_FOLDER adds it.',
    provenance: () =>
      T.page.kinematics ? String(T.page.kinematics.provenance || 'From the file given by --kinematics.') : '',
    interactive: true,
    build: (parts) => new Throw(parts, T.page.kinematics).figure(),
  });

  // The run's answers: heights and errors of launch (angle, speed) at one of its epochs, by distance.
  class Flights {
    constructor(record) {
      this.record = record;
      this.answers = T.unpack(record.answers);
      this.bits = T.unpack(record.trained);
    }
    cell(angle, speed, j) {
      const { speeds, x } = this.record;
      return (angle * speeds.length + speed) * x.length + j;
    }
    trained(angle, speed, j) {
      const at = this.cell(angle, speed, j);
      return Boolean((this.bits[at >> 3] >> (7 - (at & 7))) & 1);
    }
    // y = x tan θ − g x² / (2 v² cos² θ), metres; of any distance.
    height(angle, speed, x) {
      const { angles, speeds, gravity } = this.record;
      const theta = (angles[angle] * Math.PI) / 180;
      return x * Math.tan(theta) - (gravity * x * x) / (2 * (speeds[speed] * Math.cos(theta)) ** 2);
    }
    // The middle of the answered bin, metres; null where nothing is asked.
    answered(epoch, angle, speed, j) {
      const { angles, speeds, x, bin_height, nothing } = this.record;
      const at = epoch * angles.length * speeds.length * x.length + this.cell(angle, speed, j);
      return this.answers[at] === nothing ? null : (this.answers[at] + 0.5) * bin_height;
    }
    // Mean error over the distances that are asked, metres; null where none is.
    error(epoch, angle, speed) {
      let sum = 0,
        count = 0;
      this.record.x.forEach((x, j) => {
        const found = this.answered(epoch, angle, speed, j);
        if (found === null) return;
        sum += Math.abs(found - this.height(angle, speed, x));
        count++;
      });
      return count ? sum / count : null;
    }
    name(angle, speed) {
      const { angles, speeds } = this.record;
      return `${T.show(angles[angle])}°, ${T.show(speeds[speed])} m/s`;
    }
    known(angle, speed) {
      const { known_angles, known_speeds } = this.record;
      if (!known_angles[angle] && !known_speeds[speed]) return 'neither angle nor speed was ever trained';
      if (!known_angles[angle]) return 'this angle was never trained';
      if (!known_speeds[speed]) return 'this speed was never trained';
      return 'angle and speed were trained, with some distances';
    }
  }

  class Throw {
    constructor(parts, record) {
      Object.assign(this, { parts, record, flights: new Flights(record) });
      this.angle = this.slider('Launch angle', 'angle', record.angles, '°');
      this.speed = this.slider('Speed', 'speed', record.speeds, ' m/s');
      const examples = record.examples.map(({ angle, speed }) =>
        T.html('button', {
          type: 'button',
          text: this.flights.name(angle, speed),
          onclick: () => T.set({ angle, speed }),
        }),
      );
      parts.tools.append(
        T.html('div', { class: 'choice', role: 'group', 'aria-label': 'Examples' }, [
          T.html('span', { class: 'choicelabel', text: 'Examples' }),
          ...examples,
        ]),
        T.legend([
          ['ink', 'formula'],
          ['train', 'answer, trained', 'dots'],
          ['test', 'answer, never trained', 'dots'],
        ]),
      );
      this.layout();
    }
    slider(text, field, values, unit) {
      const input = T.html('input', {
        type: 'range',
        min: 0,
        max: values.length - 1,
        step: 1,
        'aria-label': text,
      });
      const output = T.html('output', {});
      input.addEventListener('input', () => T.set({ [field]: Number(input.value) }));
      this.parts.tools.append(
        T.html('label', { class: 'slider' }, [T.html('span', { text }), input, output]),
      );
      const show = (at) => {
        input.value = at;
        output.textContent = T.show(values[at]) + unit;
        input.setAttribute('aria-valuetext', output.textContent);
      };
      return { show, last: values.length - 1 };
    }
    layout() {
      const { parts, record } = this;
      const beside = parts.width > 720;
      const side = beside ? 230 : Math.min(parts.width, 300);
      const box = T.html('div', { class: 'two' });
      const [left, right] = [T.html('div', {}), T.html('div', {})];
      box.append(left, right);
      this.reading = T.html('p', { class: 'reading', role: 'status' });
      parts.stage.append(box, this.reading);
      this.chart = T.chart(left, {
        width: beside ? parts.width - side - 30 : parts.width,
        height: 340,
        x: { domain: [0, record.x[record.x.length - 1]], label: 'distance x, m' },
        y: { domain: [0, record.ceiling], label: 'height y, m' },
      });
      this.line = this.chart.line([], [], 'ink');
      this.dots = record.x.map(() => T.svg('circle', { r: 4 }));
      this.chart.plot.append(...this.dots);
      this.map = T.canvas(right, side, Math.round(0.8 * side) + 44);
      this.map.node.style.cursor = 'pointer';
      this.map.node.addEventListener('pointerdown', (event) => this.pick(event));
    }
    // Launch and epoch on show: what the reader chose, else an example.
    now() {
      const { record } = this;
      const first = record.examples[1] ?? record.examples[0]; // a steep throw, where there is one
      const s = T.current();
      const share = s ? T.step() / (s.steps.length - 1) : 1;
      return {
        angle: T.clamp(T.state.angle ?? first.angle, 0, this.angle.last),
        speed: T.clamp(T.state.speed ?? first.speed, 0, this.speed.last),
        epoch: Math.round(share * (record.epochs.length - 1)),
      };
    }
    pick(event) {
      const box = this.map.node.getBoundingClientRect();
      const { angles, speeds } = this.record;
      const scale = this.map.width / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const { left, top, wide, high } = this.plane();
      T.set({
        angle: T.clamp(Math.floor((x - left) / wide), 0, angles.length - 1),
        speed: T.clamp(speeds.length - 1 - Math.floor((y - top) / high), 0, speeds.length - 1),
      });
    }
    // Where the cells of the map lie, in its own pixels.
    plane() {
      const { width, height } = this.map;
      const { angles, speeds } = this.record;
      const [left, top, right, bottom] = [46, 20, 8, 32];
      const [across, down] = [width - left - right, height - top - bottom];
      return { left, top, across, down, wide: across / angles.length, high: down / speeds.length };
    }
    draw() {
      const at = this.now();
      this.angle.show(at.angle);
      this.speed.show(at.speed);
      this.drawFlight(at);
      this.drawMap(at);
      const { flights, record } = this;
      const error = flights.error(at.epoch, at.angle, at.speed);
      this.reading.textContent =
        `${flights.name(at.angle, at.speed)}: ${flights.known(at.angle, at.speed)}. ` +
        (error === null
          ? 'Nothing is asked of this throw.'
          : `Mean error ${T.show(error, 2)} m at epoch ${T.count(record.epochs[at.epoch])} of the kinematics run.`);
    }
    drawFlight({ angle, speed, epoch }) {
      const { chart, flights, record } = this;
      const last = record.x[record.x.length - 1];
      const fine = Array.from({ length: 201 }, (_, i) => (last * i) / 200);
      const heights = fine.map((x) => {
        const y = flights.height(angle, speed, x);
        return y >= 0 && y < record.ceiling ? y : null;
      });
      this.line.setAttribute('d', T.path(fine, heights, chart.x, chart.y));
      this.dots.forEach((dot, j) => {
        const height = flights.answered(epoch, angle, speed, j);
        dot.setAttribute('visibility', height === null ? 'hidden' : 'visible');
        if (height === null) return;
        dot.setAttribute('class', 'fill-' + (flights.trained(angle, speed, j) ? 'train' : 'test'));
        dot.setAttribute('cx', chart.x(record.x[j]));
        dot.setAttribute('cy', chart.y(height));
      });
    }
    drawMap({ angle, speed, epoch }) {
      const { map, flights, record } = this;
      const { ctx } = map;
      const { left, top, across, down, wide, high } = this.plane();
      map.clear();
      record.angles.forEach((_, a) =>
        record.speeds.forEach((__, v) => {
          const error = flights.error(epoch, a, v);
          ctx.fillStyle =
            error === null
              ? T.colour('faint')
              : T.mix(T.colour('background'), T.colour('ink'), Math.min(1, error / WORST));
          ctx.fillRect(left + a * wide, top + down - (v + 1) * high, wide + 0.5, high + 0.5);
        }),
      );
      ctx.strokeStyle = T.colour('faint');
      ctx.lineWidth = 1;
      ctx.strokeRect(left, top, across, down);
      this.drawEdges();
      ctx.strokeStyle = T.colour('key_frequency');
      ctx.lineWidth = 2.5;
      ctx.beginPath();
      ctx.arc(left + (angle + 0.5) * wide, top + down - (speed + 0.5) * high, 6, 0, 7);
      ctx.stroke();
    }
    // Ends of both axes, and a triangle at every value that was never trained.
    drawEdges() {
      const { ctx, width, height } = this.map;
      const { angles, speeds, known_angles, known_speeds } = this.record;
      const { left, top, down, across, wide, high } = this.plane();
      const bottom = top + down;
      T.readout(ctx, 'mean error of every throw', left, 12);
      ctx.fillStyle = T.colour('muted');
      const end = (text, x, y, align) => {
        ctx.textAlign = align;
        ctx.fillText(text, x, y);
      };
      end(`${T.show(angles[0])}°`, left, height - 6, 'left');
      end(`${T.show(angles[angles.length - 1])}°`, width - 8, height - 6, 'right');
      end(T.show(speeds[speeds.length - 1]), left - 12, top + 11, 'right');
      end(T.show(speeds[0]), left - 12, bottom, 'right');
      end('m/s', left - 12, (top + bottom) / 2, 'right');
      const triangle = (x, y, dx, dy) => {
        ctx.beginPath();
        ctx.moveTo(x, y);
        ctx.lineTo(x + 7 * dx + 4 * dy, y + 7 * dy + 4 * dx);
        ctx.lineTo(x + 7 * dx - 4 * dy, y + 7 * dy - 4 * dx);
        ctx.fill();
      };
      ctx.fillStyle = T.colour('test');
      known_angles.forEach((known, a) => known || triangle(left + (a + 0.5) * wide, bottom + 2, 0, 1));
      known_speeds.forEach((known, v) => known || triangle(left - 2, bottom - (v + 0.5) * high, -1, 0));
      ctx.textAlign = 'center';
      ctx.fillStyle = T.colour('muted');
      ctx.fillText('launch angle', left + across / 2, height - 6);
    }
    rows() {
      const { angle, speed, epoch } = this.now();
      return this.record.x.map((x, j) => {
        const found = this.flights.answered(epoch, angle, speed, j);
        const truth = found === null ? null : this.flights.height(angle, speed, x);
        return [
          x,
          truth,
          found,
          found === null ? null : this.flights.trained(angle, speed, j) ? 'yes' : 'no',
        ];
      });
    }
    figure() {
      return {
        update: () => this.draw(),
        describe: () => this.reading.textContent,
        table: () => ({ head: ['x, m', 'true, m', 'answered, m', 'trained'], rows: this.rows() }),
        data: () => ({
          ...this.now(),
          launch: this.flights.name(this.now().angle, this.now().speed),
          rows: this.rows(),
        }),
      };
    }
  }
})();
