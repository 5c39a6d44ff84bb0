"""Texts for speech engines: own sentences, or a list the user gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facegen.errors import UsageError
from facegen.reading import read_text

# Written for facegen; every sound of a language occurs several times.
SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "My mother put the blue umbrella by the back door before breakfast.",
        "Five brave firemen found the fox behind a wooden fence.",
        "Please bring me both of those big brown boxes from the basement.",
        "We never thought that the weather would be this warm in February.",
        "Who knew that a yellow canoe could move through the fog so smoothly?",
        "The judge asked which of the children had chosen the cheese sandwich.",
        "Pick up the paper cups, wipe the table and wash the plates.",
        "Very few visitors have ever lived above the vast valley.",
        "She usually measures the treasure with a small silver ruler.",
        "Look out, there is a huge rock rolling down the road!",
        "I would like a window seat if you still have one.",
        "Young people enjoy music much more than they used to.",
        "Did you hear the rumour about the royal wedding?",
        "Oil and water will not mix, no matter how hard you shake them.",
        "He caught a cold while walking the dog along the harbour.",
        "The thick leather coat was worth three hundred and thirty pounds.",
        "Open your mouth wide and say ah, the doctor told the boy.",
        "Maybe tomorrow we can borrow a boat and row to the island.",
        "The violin player performed a slow waltz for the mayor.",
        "Peter picked apples while Emma baked bread and pumpkin pie.",
        "That is exactly what I meant when I said be patient.",
        "Few of us know how the old machine works.",
        "The show begins at half past seven, so do not be late.",
        "My favourite memory is a summer afternoon beside the river.",
        "No, I have not forgotten about your birthday party on Saturday.",
        "Somebody from the post office phoned about a missing parcel.",
        "A purple bubble popped above the bathtub.",
        "Every morning the baker wakes before the birds begin to sing.",
        "Why would anyone worry about such a trivial thing?",
        "The farmer fed the pigs, the lambs and a lame brown pony.",
        "Could you repeat that a little louder, please?",
        "George drew a giraffe on the large page with orange chalk.",
        "Both brothers bathe in the north bay although the breeze is rough.",
        "The crew found a cave full of bats below the cliff.",
        "What a wonderful world of wool and woven willow!",
        "She sells fresh fish and soft shell crabs near the station.",
        "It was a pleasure to meet you and your family.",
        "Turn left after the bridge and follow the sign to the museum.",
        "The boss approved the budget for a modern computer lab.",
        "Wolves howl at the moon above the snowy woods.",
        "Our team moved up from fourth to first place.",
        "I do not believe in miracles, but I do believe in hard work.",
        "Please leave the keys under the mat if nobody is home.",
        "A warm bowl of tomato soup tastes best in November.",
        "They said the ferry leaves from platform fifteen.",
        "The puppy jumped over the puddle and bumped into my knee.",
        "How many more minutes must we wait for the next bus?",
        "You look amazing, have you been on holiday?",
        "An hour ago the phone rang four times and then stopped.",
        "Would you rather have coffee, tea or a glass of apple juice?",
        "The old man of the mountain gave me a map of the moor.",
        "Sometimes I dream about flying above the clouds.",
        "Put the pepper back on top of the cupboard.",
        "Vivid violet flowers cover the valley from April to May.",
        "This is a test of the emergency broadcast system.",
        "Good evening and welcome to the programme.",
        "Thank you very much for everything, see you soon.",
        "Zebras graze lazily in the hazy heat of the afternoon.",
        "Shall we push or pull the chair through the arch?",
        "Both of them fought off the flu with ginger and honey.",
    ),
    "de": (
        "Meine Mutter backt am Samstag immer frisches Brot.",
        "Fünf Vögel fliegen über den großen, blauen See.",
        "Bitte bring mir bis morgen früh die beiden Bücher mit.",
        "Wir möchten im Sommer ans Meer fahren und viel schwimmen.",
        "Das schöne Mädchen spielt jeden Abend Klavier.",
        "Warum bist du gestern nicht zur Arbeit gekommen?",
        "Der Bäcker öffnet seinen Laden schon um halb sechs.",
        "Ich wünsche euch allen einen wunderbaren Urlaub.",
        "Achtzig Äpfel passen bequem in eine Kiste.",
        "Vielleicht können wir später noch einen Film anschauen.",
        "Papa pflanzt im Garten Bohnen, Möhren und Kürbisse.",
        "Die Zeitung berichtet über das Gewitter von heute Nacht.",
    ),
    "es": (
        "Mi abuela prepara una sopa muy buena los domingos.",
        "El barco blanco salió del puerto a las cinco de la mañana.",
        "¿Puedes abrir la ventana, por favor?",
        "Los niños juegan al fútbol en la plaza del pueblo.",
        "Me gusta mucho escuchar música mientras trabajo.",
        "Mañana vamos a visitar el museo con nuestros amigos.",
        "El perro de Pablo persigue a la paloma por el parque.",
        "Hace mucho frío en las montañas durante el invierno.",
        "Quiero un vaso de agua y un bocadillo de jamón.",
        "Nunca había visto una luna tan grande y tan bonita.",
    ),
    "fr": (
        "Ma mère achète toujours du pain frais au marché.",
        "Le petit bateau bleu traverse la baie de bon matin.",
        "Pouvez-vous fermer la porte, s'il vous plaît ?",
        "Un vieux monsieur promène son chien dans le parc.",
        "J'aime beaucoup la musique et les films anciens.",
        "Nous partons demain pour une semaine à la montagne.",
        "Les enfants jouent au ballon devant la maison.",
        "Il faut beaucoup de patience pour apprendre une langue.",
        "Bonjour et bienvenue dans notre émission du vendredi.",
        "Quel beau pommier, il est plein de fleurs blanches !",
    ),
    "it": (
        "Mia mamma prepara una buona pasta al pomodoro.",
        "Il bambino beve un bicchiere di latte prima di dormire.",
        "Domani mattina partiamo per il mare con la famiglia.",
        "Vorrei un caffè e un pezzo di torta, per favore.",
        "La vecchia fabbrica vicino al fiume è stata chiusa.",
        "Perché non vieni anche tu alla festa di sabato?",
        "Gli amici di Paolo abitano in una piccola villa bianca.",
        "Che bella giornata, facciamo una passeggiata nel bosco!",
    ),
    "pt": (
        "Minha mãe comprou pão fresco e uma dúzia de bananas.",
        "O barco pequeno voltou para o porto antes da chuva.",
        "Você pode falar um pouco mais devagar, por favor?",
        "Amanhã vamos almoçar com os nossos bons amigos.",
        "As crianças brincam na praia durante toda a manhã.",
        "Eu gosto muito de ouvir música boa no fim da tarde.",
    ),
    "ru": (
        "Моя бабушка варит очень вкусный суп по воскресеньям.",
        "Маленький мальчик бежит по большому полю.",
        "Пожалуйста, откройте окно, здесь очень жарко.",
        "Завтра утром мы поедем к морю на поезде.",
        "Белый пароход медленно выходит из порта.",
        "Почему ты вчера не пришёл на праздник?",
    ),
    "pl": (
        "Moja babcia piecze w sobotę pyszny chleb.",
        "Mały pies biegnie szybko przez zielone pole.",
        "Proszę powtórzyć to jeszcze raz trochę wolniej.",
        "Jutro rano pojedziemy nad morze z przyjaciółmi.",
    ),
    "tr": (
        "Annem her pazar sabahı bize börek yapar.",
        "Küçük mavi tekne limandan yavaşça ayrıldı.",
        "Lütfen pencereyi biraz açar mısın?",
        "Yarın bütün aile birlikte müzeye gideceğiz.",
    ),
    "nl": (
        "Mijn moeder bakt op zaterdag altijd een appeltaart.",
        "De blauwe boot vaart langzaam voorbij de oude brug.",
        "Wil je morgen met mij naar het museum gaan?",
        "Wij hebben vijf brieven van onze buren gekregen.",
        "Het paard loopt rustig door het groene veld.",
    ),
    "sv": (
        "Min mamma bakar gott bröd varje lördag.",
        "Den lilla båten seglar förbi den blåa bron.",
        "Kan du öppna fönstret, det är mycket varmt här?",
        "Vi ska åka till fjällen med våra vänner i februari.",
        "Pojken plockar äpplen och bär i skogen.",
    ),
    "cs": (
        "Moje babička peče v sobotu dobrý chléb.",
        "Malý pes běží rychle přes zelené pole.",
        "Prosím, otevřete okno, je tu velké teplo.",
        "Zítra pojedeme vlakem k moři s přáteli.",
        "Bílá loď pomalu opouští přístav.",
    ),
    "fi": (
        "Minun äitini leipoo lauantaina hyvää leipää.",
        "Pieni sininen vene lipuu hitaasti satamasta.",
        "Voisitko avata ikkunan, täällä on kuuma?",
        "Huomenna menemme ystävien kanssa museoon.",
        "Poika poimii omenoita ja marjoja puutarhassa.",
    ),
    "el": (
        "Η μαμά μου φτιάχνει ωραίο ψωμί το Σάββατο.",
        "Το μικρό μπλε καράβι φεύγει αργά από το λιμάνι.",
        "Μπορείς να ανοίξεις το παράθυρο, παρακαλώ;",
        "Αύριο θα πάμε στη θάλασσα με τους φίλους μας.",
    ),
    "id": (
        "Ibu saya membeli pisang dan mangga di pasar pagi.",
        "Perahu biru itu pulang sebelum hujan besar.",
        "Bisakah kamu membuka pintu belakang sebentar?",
        "Besok kami pergi ke pantai bersama paman dan bibi.",
        "Anak-anak bermain bola di depan rumah.",
    ),
}
# What the voices say that no training hears.
HELD_SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "The big ship made its way up the bay before midnight.",
        "Nobody knows why the lamp in the lobby was broken.",
        "A cup of mint tea helps me sleep after a bumpy trip.",
        "Bob and Pam have built a cabin among the maple trees.",
        "My neighbour plays the piano when it rains.",
        "Will you phone the plumber about the pipe in the bathroom?",
        "Six empty bottles stood behind the pub.",
        "The weather map promises fog, wind and a bit of sun.",
        "Come back home by nine, and bring some bread and butter.",
        "Every problem becomes simple once somebody explains it.",
    ),
    "de": (
        "Am Bahnhof habe ich meinen blauen Pullover verloren.",
        "Wollen Sie bitte noch ein paar Minuten warten?",
        "Im Februar beginnt bei uns die beste Zeit zum Backen.",
    ),
    "es": (
        "La próxima semana empieza la nueva temporada de ópera.",
        "Compramos pan, mantequilla y un poco de vino blanco.",
    ),
    "fr": (
        "Le boulanger ouvre sa boutique à six heures du matin.",
        "Ma sœur a perdu son parapluie dans le métro.",
    ),
    "it": (
        "Sabato prossimo andiamo a comprare un nuovo ombrello.",
        "La bambina mangia una pera e beve un po' d'acqua.",
    ),
    "pt": ("O menino perdeu a bola branca perto da ponte.",),
    "ru": ("Мой брат купил большой белый дом у реки.",),
    "pl": ("Mama kupiła babci piękny bukiet z białych bzów.",),
    "tr": ("Babam bu sabah parkta beyaz bir kuş buldu.",),
}

_LONGEST = 160
# How often words are drawn at random instead: sounds meet that no sentence brings together.
_SHUFFLED = 0.35


def read_texts(path: Path) -> dict[str, tuple[str, ...]]:
    """A user's texts: UTF-8, one per line, ``language<tab>text``; English without a language.

    Raises:
        UsageError: not readable as text, or nothing in it.
    """
    found: dict[str, list[str]] = {}
    try:
        whole = read_text(path)
        if "\0" in whole:
            raise ValueError("it is no text")
        lines = whole.splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the texts in {path}: {error}") from error
    for line in lines:
        language, tab, text = line.partition("\t")
        if not tab:
            language, text = "en", line
        if text.strip():
            found.setdefault(language.strip(), []).append(text.strip()[:_LONGEST])
    if not found:
        raise UsageError(f"{path} has no texts; one per line is wanted")
    return {language: tuple(texts) for language, texts in found.items()}


def draw(texts: tuple[str, ...], rng: np.random.Generator) -> str:
    """A text, or words of the language in random order."""
    if rng.random() > _SHUFFLED:
        return texts[int(rng.integers(len(texts)))]
    words = [w.strip(".,!?¿¡") for text in texts for w in text.split()]
    chosen = rng.choice([w for w in words if w], size=int(rng.integers(4, 11)))
    return f"{' '.join(chosen)}."
