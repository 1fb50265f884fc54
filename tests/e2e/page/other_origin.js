// What a page of another origin does with the API: everything by fetch with a bearer token, never with a cookie.
window.api = (base) => {
  const ask = (token) => async (method, path, { json, text, type, headers = {}, ...more } = {}) => {
    const answer = await fetch(path.startsWith("http") ? path : base + path, {
      method,
      credentials: "omit",
      cache: "no-store",
      headers: {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ...(token && { authorization: `Bearer ${token}` }),
        ...(method !== "GET" && method !== "HEAD" && { "idempotency-key": crypto.randomUUID() }),
        ...(json !== undefined && { "content-type": "application/json" }),
        ...(type && { "content-type": type }),
        ...headers,
      },
      body: json !== undefined ? JSON.stringify(json) : text,
      ...more,
    });
    const body = await answer.text();
    const parsed = (answer.headers.get("content-type") ?? "").includes("json") && body ? JSON.parse(body) : body;
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: parsed };
  };

  const signUp = async (handle) => {
    const { body } = await ask(null)("POST", "/v1/people", { json: { handle, name: handle } });
    return { person: body.person, token: body.token, ask: ask(body.token) };
  };

  const connected = (pc) => new Promise((resolve) => {
    const look = () => pc.connectionState === "connected" && resolve();
    pc.addEventListener("connectionstatechange", look);
    look();
  });

  const connect = async (pc, who, path) => {
    await pc.setLocalDescription();
    const answer = await who.ask("POST", path, { text: pc.localDescription.sdp, type: "application/sdp" });
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    await pc.setRemoteDescription({ type: "answer", sdp: answer.body });
    await connected(pc);
    return answer;
  };

  /** Speaks a tone; the answer to WHIP. */
  const speak = async (who, space, hertz) => {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: hertz }), out = context.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    const pc = window.talks = new RTCPeerConnection();
    pc.addTransceiver(out.stream.getAudioTracks()[0], { direction: "sendonly" });
    return connect(pc, who, `/v1/spaces/${space}/whip`);
  };

  /** Listens; the answer to WHEP. `heard` tells the loudest tone of this moment. */
  const listen = async (who, space) => {
    const context = new AudioContext({ sampleRate: 48000 });
    const pc = window.listens = new RTCPeerConnection();
    const ears = [];
    pc.ontrack = ({ track }) => {
      const stream = new MediaStream([track]), player = Object.assign(new Audio(), { srcObject: stream, muted: true });
      player.play();
      const ear = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaStreamSource(stream).connect(ear);
      ears.push({ ear, player });
    };
    for (let slot = 0; slot < 3; slot++) pc.addTransceiver("audio", { direction: "recvonly" });
    window.heard = () => {
      const tones = ears.map(({ ear }) => {
        const bins = new Float32Array(ear.frequencyBinCount);
        ear.getFloatFrequencyData(bins);
        const most = Math.max(...bins);
        return { most, hertz: bins.indexOf(most) * context.sampleRate / ear.fftSize };
      });
      return tones.sort((one, other) => other.most - one.most)[0];
    };
    return connect(pc, who, `/v1/spaces/${space}/whep`);
  };

  /** The first event of a stream that is read with EventSource. */
  const firstOfEventSource = (who, path) => new Promise((resolve, reject) => {
    const source = new EventSource(`${base}${path}?access_token=${who.token}`);
    source.addEventListener("snapshot", ({ data }) => { source.close(); resolve(JSON.parse(data)); });
    source.addEventListener("error", () => { source.close(); reject(new Error("the stream ended")); });
  });

  /** The first event of a stream that is read with fetch, from an id on. */
  const firstOfStream = async (who, path) => {
    const ending = new AbortController();
    const headers = { authorization: `Bearer ${who.token}`, "last-event-id": "0", accept: "text/event-stream" };
    const answer = await fetch(base + path, { headers, credentials: "omit", signal: ending.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("data:")) text += (await reader.read()).value;
    ending.abort();
    return text;
  };

  /** The first message of a WebSocket; null where it is refused. */
  const firstOfSocket = (who, path) => new Promise((resolve) => {
    const socket = new WebSocket(`${base.replace("http", "ws")}${path}?access_token=${who.token}`);
    socket.addEventListener("message", ({ data }) => { socket.close(); resolve(JSON.parse(data)); });
    socket.addEventListener("error", () => resolve(null));
  });

  return { ask, signUp, speak, listen, firstOfEventSource, firstOfStream, firstOfSocket };
};
