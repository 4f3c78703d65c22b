// The word lists behind lexicon.h, one string of blank-separated words a class.
#pragma once

namespace foundry::teacher::extractive::words {

inline constexpr char kDeterminers[] =
    "the a an this that these those each every some any no another both either neither all many "
    "much few several most more other such half";
inline constexpr char kPossessives[] = "my your his her its our their whose";
inline constexpr char kPronouns[] =
    "i you he she it we they me him us them himself herself itself themselves ourselves one "
    "someone everyone anyone nobody nothing something everything anything none others who whom "
    "there";
inline constexpr char kPrepositions[] =
    "of in on at by for with from to into onto upon over under above below between among amongst "
    "through throughout during before after since until till against along around across behind "
    "beyond beside besides near within without toward towards about as per via despite except "
    "including concerning regarding off out up down inside outside like unlike amid following "
    "versus than beneath underneath past";
inline constexpr char kSubordinators[] =
    "because although though while whereas when whenever if unless until once since so that which "
    "who whom whose where wherever whether why how what lest";
inline constexpr char kModals[] = "can could may might must shall should will would cannot";
inline constexpr char kBe[] = "be is are was were been being am";
inline constexpr char kHave[] = "have has had having";
inline constexpr char kDo[] = "do does did";
inline constexpr char kAdverbs[] =
    "not also often very too still even only just already almost then thus hence however now "
    "later earlier soon again never always sometimes usually once twice here there together "
    "rather quite perhaps instead meanwhile therefore moreover furthermore nevertheless otherwise "
    "else far well much more most less least today yesterday ago abroad ahead apart away back "
    "forward further elsewhere indeed mostly nearly roughly approximately about over around "
    "likewise first second third finally originally eventually afterwards thereafter subsequently "
    "first-ever so ever yet somewhat down";
inline constexpr char kAdjectives[] =
    "good new old great high low small large big long short young early late own same different "
    "important major minor main certain possible strong weak free full open public private local "
    "national royal human black white red green blue dark light hot cold hard soft deep wide "
    "common rare simple complex single double whole modern ancient popular recent several various "
    "able likely unlikely available similar higher lower larger smaller greater lesser older "
    "younger earlier later better worse best worst largest smallest greatest highest lowest oldest "
    "earliest latest busiest strongest richest poorest longest shortest next last previous final "
    "poor rich dead alive true false key chief senior junior joint upper inner outer due middle "
    "west east north south western eastern northern southern central military civil raw dry wet "
    "flat thick thin heavy fast slow quick special general specific current former present";
inline constexpr char kStopExtra[] =
    "and or but nor not very also then than there here such same other more most many much few "
    "several some any each every all both only just so too however thus i.e. e.g. etc";

inline constexpr char kMonths[] =
    "january february march april may june july august september october november december jan "
    "feb mar apr jun jul aug sep sept oct nov dec";
inline constexpr char kWeekdays[] = "monday tuesday wednesday thursday friday saturday sunday";
inline constexpr char kNumberWords[] =
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred hundreds thousand thousands million millions billion billions trillion dozen dozens";
inline constexpr char kOrdinals[] =
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first";
inline constexpr char kUnits[] =
    "percent per cent % km km2 kilometre kilometres kilometer kilometers metre metres meter meters "
    "mile miles sq mi ft feet foot inch inches yard yards kg kilogram kilograms gram grams tonne "
    "tonnes ton tons pound pounds litre litres liter liters megawatt megawatts watt watts volt "
    "volts hertz byte bytes kilobyte kilobytes megabyte megabytes gigabyte second seconds minute "
    "minutes hour hours day days week weeks month months year years decade decades century "
    "centuries dollar dollars euro euros barrel barrels degree degrees °c °f nanometers nanometres "
    "mm cm nm";
inline constexpr char kTimeNouns[] =
    "year years month months week weeks day days decade decades century centuries century. hour "
    "hours morning afternoon evening night spring summer autumn winter season period era age time "
    "times today 1st beginning end start";
inline constexpr char kPersonNouns[] =
    "man men woman women person people king kings queen emperor emperors prince princess duke "
    "pope bishop bishops priest priests monk monks president presidents minister ministers senator "
    "governor mayor chancellor leader leaders founder founders author authors writer writers poet "
    "artist actor actors actress comedian comedians director producer producers singer musician "
    "composer composers scientist scientists physicist chemist biologist mathematician "
    "mathematicians astronomer engineer engineers doctor doctors physician physicians nurse nurses "
    "patient patients teacher teachers student students pupil pupils professor professors lawyer "
    "judge judges soldier soldiers general generals officer officers commander captain knight "
    "astronaut astronauts pilot crew player players coach quarterback merchant merchants farmer "
    "farmers peasant peasants worker workers slave slaves citizen citizens settler settlers "
    "colonist colonists refugee refugees immigrants migrants prisoner prisoners enemy enemies son "
    "sons daughter daughters father mother brother sister wife husband child children family "
    "parent parents friend friends successor predecessor ancestor ancestors descendants user users "
    "administrator administrators developer developers programmer historian historians philosopher "
    "theologian theologians politician politicians diplomat ambassador journalist economist "
    "economists researcher researchers scholar scholars critic critics member members delegates "
    "opponent opponents supporter supporters follower followers veteran warriors warrior chief "
    "chiefs lord lords noble nobles baron count earl ruler rulers rebel rebels victim victims "
    "infant infants baby babies adult adults pharmacist pharmacists owner owners employee "
    "employees customer customers host hosts archbishop reformer missionary missionaries pastor "
    "shah khan sultan";
inline constexpr char kPersonTitles[] =
    "mr mrs ms dr prof sir lord lady king queen emperor pope president prince princess duke saint "
    "st rev reverend captain general colonel senator bishop archbishop cardinal chancellor "
    "professor father doctor duchess count countess baron earl sultan shah minister ambassador "
    "governor mayor admiral major lieutenant judge justice";
inline constexpr char kFirstNames[] =
    "john james robert michael william david richard joseph thomas charles christopher daniel "
    "matthew anthony mark donald steven paul andrew joshua kenneth kevin brian george edward "
    "ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin "
    "scott "
    "brandon benjamin samuel gregory frank alexander raymond patrick jack dennis jerry peter henry "
    "carl arthur albert walter harold louis philip martin isaac hugh leo max karl hans johann "
    "friedrich wilhelm pierre jean jacques francois françois marie antoine giovanni galileo "
    "leonardo michelangelo juan jose carlos luis miguel pedro ivan vladimir nikolai boris mohammed "
    "muhammad ahmed ali hassan omar ibrahim mary patricia jennifer linda elizabeth barbara susan "
    "jessica sarah karen nancy lisa margaret sandra ashley emily donna michelle carol amanda "
    "melissa deborah rebecca laura sharon cynthia kathleen amy angela anna ruth brenda catherine "
    "emma alice jane anne ann helen charlotte victoria diana jerome ben matt tom tim jim joe bob "
    "bill steve dan sam mike dave nick alex tony fred roy murray spike lenny jon judith graham ted "
    "peyton eli lewis simon adam eve noah abraham moses jesus buddha alan neil buzz edmund ernest "
    "winston franklin theodore woodrow abraham barack donald hillary ronald jimmy otto kurt erwin "
    "werner niels marie rosa amedeo antoine";
inline constexpr char kPlaceNouns[] =
    "city cities town towns village villages country countries state states region regions area "
    "areas province provinces county counties district districts island islands river rivers lake "
    "lakes sea ocean mountain mountains valley valleys coast coasts desert deserts forest forests "
    "port ports harbour harbor street road bridge castle castles palace church churches cathedral "
    "temple school schools university college hospital hospitals museum stadium airport station "
    "territory territories colony colonies border borders capital continent kingdom empire "
    "republic building buildings house home homes camp site sites location locations place places "
    "directory directories folder space stroma membrane center centre delta plains wall walls";
inline constexpr char kGroupNouns[] =
    "army armies navy company companies corporation university college school party parties "
    "government governments parliament congress senate court courts council committee commission "
    "agency association organization organizations organisation organisations institute "
    "institution team teams club union league church band orchestra network bank ministry "
    "department board group groups tribe tribes nation nations force forces coalition consortium "
    "federation society academy foundation";

// Infinitives of regular verbs; irregular ones are in kIrregular.
inline constexpr char kVerbs[] =
    "abandon abolish absorb accelerate accept accompany account accumulate accuse achieve "
    "acknowledge acquire act adapt add address adjust administer admit adopt advance advise affect "
    "aid aim align allow alter amount announce answer anticipate appeal appear apply appoint "
    "appreciate approach approve argue arrange arrest arrive assemble assert assess assign assist "
    "associate assume assure attach attack attain attempt attend attract attribute authorize avoid "
    "award balance ban base belong benefit blame block boast bomb boost border borrow breach "
    "broadcast burn calculate call cancel capture carry cause cease celebrate challenge change "
    "charge circulate cite claim classify clear cleave climb close collaborate collapse collect "
    "colonize combine command commence comment commission commit communicate compare compete "
    "compile complain complete comply compose comprise compute conceal concentrate conclude "
    "condemn "
    "conduct confine confirm connect conquer consider consist constitute construct consult consume "
    "contain continue contract contradict contribute control converge convert convey convict "
    "convince cooperate coordinate copy correct correspond cover crash create credit criticise "
    "criticize cross crown culminate cultivate cure damage date debate decide declare decline "
    "decorate decrease dedicate deem defeat defend define delay delegate deliver demand demolish "
    "demonstrate deny depart depend depict deploy deposit derive descend describe deserve design "
    "designate desire destroy detect determine develop devise devote die differ diffuse diminish "
    "direct disagree disappear discard discourage discover discuss dismiss disperse display "
    "dispute dissolve distinguish distribute diverge divert divide divorce dominate donate double "
    "draft drop dump earn ease edit educate elect elevate eliminate embrace emerge emit emphasize "
    "employ enable enact encounter encourage end endanger endorse endure energize enforce engage "
    "engulf enhance enjoy enlarge enlist ensure enter entertain entitle equal equip erect erupt "
    "escape establish estimate evacuate evaluate evolve examine exceed exchange exclude execute "
    "exercise exert exhibit exile exist expand expect expel experience explain explode exploit "
    "explore export express extend extract face facilitate fail favor favour feature fill film "
    "finance finish fire fix flag flee flourish flow focus follow force form formalize formulate "
    "foster found fuel fulfil fulfill function fund furnish gain gather generate govern graduate "
    "grant gravitate greet guarantee guard guide halt handle happen harm harness harvest head heal "
    "help highlight hire honor honour host house hunt identify ignore illustrate imagine imply "
    "import impose impress imprison improve include incorporate increase incur indicate induce "
    "influence inform inhabit inherit inhibit initiate inject injure insert insist inspect inspire "
    "install institute instruct integrate intend intensify interact intercept interest interfere "
    "interpret interrupt intervene introduce invade invent invest investigate invite involve "
    "isolate issue join judge jump justify kick kidnap kill label lack land last laugh launch "
    "learn levy license lie like limit line link list listen live load locate lock look lower "
    "maintain manage manipulate manufacture map march mark marry massacre match mature maximize "
    "measure melt mention merge migrate mine minimize miss mix mobilize model modify monitor "
    "motivate mount move multiply murder name narrow need negotiate neglect nominate note notice "
    "number obey object oblige observe obtain occupy occur offend offer open operate oppose "
    "oppress order organise organize orient originate outlaw outline overlap overlie own oxidize "
    "pack paint park participate pass patent pause peak perceive perform permit persecute persist "
    "persuade photograph pick place plan plant play plead plot point pollute populate portray "
    "pose possess postpone pour practice practise praise preach precede predict prefer prepare "
    "prescribe present preserve press prevail prevent print proceed process proclaim produce "
    "profit progress prohibit project prolong promise promote prompt propose prosecute protect "
    "protest prove provide provoke publish pull pump punish purchase pursue push qualify question "
    "race raid raise range rank ratify reach react realize reappear rebel rebuild recall receive "
    "recite recognise recognize recommend reconstruct record recover recruit reduce refer refine "
    "reflect reform refuse regain regard register regret regulate reign reinforce reject relate "
    "relax release relocate rely remain remark remember remind remove rename render renew renovate "
    "repair repeat replace reply report represent reproduce request require rescue research "
    "resemble "
    "reserve reside resign resist resolve respect respond restore restrict result resume retain "
    "retire retreat return reunite reveal reverse review revise revive revolt reward rotate ruin "
    "rule rush sail satirise satisfy save scatter schedule score scrap search secure seek seem "
    "seize "
    "select separate sequence serve settle shape share shelter shift shout show shrink sign signal "
    "signify simplify situate slaughter smoke snap solve sort span spark specialize specify "
    "spiral sponsor spot stabilize stack staff stage start starve state stay stem stimulate stop "
    "store strengthen stress stretch strip structure struggle study submit subscribe substitute "
    "succeed suffer suggest suit summarize summon supersede supervise supply support suppress "
    "surrender surround survive suspect suspend sustain switch symbolize synthesize tail target "
    "taste tax teach tend term terminate test thank threaten tie tighten tolerate total touch tour "
    "trace track trade train transfer transform translate transmit transport trap travel treat "
    "trigger triumph try turn twist type unify unite update uphold urge use utilize vaccinate "
    "value vanish vary view violate visit voice vote wait walk want warn wash waste watch weaken "
    "weigh welcome widen wish witness work worry worship wound wrap yield zoom reaffirm oversee "
    "undergo debut premiere air overlook contend postulate hypothesize correlate coincide collide "
    "recede frustrate radiate react reenergize photolyze phosphorylate adhere advocate affirm "
    "aspire "
    "assassinate bless boycott bypass cater cede censor chair clarify coin confer configure "
    "contest crush decimate decree deem deliver deposit deteriorate devastate embark entail "
    "envision "
    "evoke excommunicate exempt expire flatten fluctuate forbid forge fracture harbour hamper "
    "inaugurate instigate invoke mandate mediate merit mimic narrate nurture obstruct offset "
    "orbit ordain overthrow oust pave pioneer plague precipitate prevail purge quote rally "
    "rearrange "
    "reassert refuel reiterate relinquish repel repeal resent retaliate revert sanction spend "
    "counteract synthesise symbolise characterize characterise emphasise recruit boil freeze melt "
    "evaporate condense dilute filter mount unmount boot compile execute format parse encrypt "
    "decode "
    "encode compress delete insert configure debug deploy upload download scan swap log spur "
    "stipulate subdue subjugate supplant surpass thrive tackle trim underlie undermine "
    "unveil usher verify wage ravage accredit";

// base past participle, one verb a triple.
inline constexpr char kIrregular[] =
    "arise arose arisen awake awoke awoken bear bore borne beat beat beaten become became become "
    "begin began begun bend bent bent bind bound bound bite bit bitten bleed bled bled blow blew "
    "blown break broke broken breed bred bred bring brought brought build built built burst burst "
    "burst buy bought bought cast cast cast catch caught caught choose chose chosen cling clung "
    "clung come came come cost cost cost creep crept crept cut cut cut deal dealt dealt dig dug "
    "dug draw drew drawn drink drank drunk drive drove driven eat ate eaten fall fell fallen feed "
    "fed fed feel felt felt fight fought fought find found found flee fled fled fly flew flown "
    "forbid forbade forbidden forget forgot forgotten forgive forgave forgiven freeze froze frozen "
    "get got gotten give gave given go went gone grow grew grown hang hung hung hear heard heard "
    "hide hid hidden hit hit hit hold held held hurt hurt hurt keep kept kept know knew known lay "
    "laid laid lead led led leave left left lend lent lent let let let lie lay lain lose lost lost "
    "make made made mean meant meant meet met met mislead misled misled overcome overcame overcome "
    "oversee oversaw overseen overtake overtook overtaken overthrow overthrew overthrown pay paid "
    "paid put put put quit quit quit read read read rebuild rebuilt rebuilt ride rode ridden ring "
    "rang rung rise rose risen run ran run say said said see saw seen seek sought sought sell sold "
    "sold send sent sent set set set shake shook shaken shed shed shed shine shone shone shoot "
    "shot "
    "shot show showed shown shrink shrank shrunk shut shut shut sing sang sung sink sank sunk sit "
    "sat sat sleep slept slept slide slid slid speak spoke spoken spend spent spent spin spun spun "
    "split split split spread spread spread spring sprang sprung stand stood stood steal stole "
    "stolen stick stuck stuck strike struck struck strive strove striven swear swore sworn sweep "
    "swept swept swim swam swum swing swung swung take took taken teach taught taught tear tore "
    "torn tell told told think thought thought throw threw thrown undergo underwent undergone "
    "understand understood understood undertake undertook undertaken uphold upheld upheld wake "
    "woke "
    "woken wear wore worn weave wove woven win won won withdraw withdrew withdrawn write wrote "
    "written rewrite rewrote rewritten withstand withstood withstood foresee foresaw foreseen "
    "overlie overlay overlain underlie underlay underlain broadcast broadcast broadcast";

}  // namespace foundry::teacher::extractive::words
