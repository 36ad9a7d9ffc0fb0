var e=`grinning face|cheerful|cheery|happy|laugh
grinning face with big eyes|awesome|happy|mouth|open
grinning face with smiling eyes|happy|laugh|lol|mouth
beaming face with smiling eyes|grin|grinning|happy|nice
grinning squinting face|closed|eyes|haha|hahaha
grinning face with sweat|cold|dejected|excited|mouth
rolling on the floor laughing|crying|face|funny|haha
face with tears of joy|crying|feels|funny|haha
slightly smiling face|happy|smile
upside-down face|hehe|smile
melting face|disappear|dissolve|embarrassed|haha
winking face|flirt|heartbreaker|sexy|slide
smiling face with smiling eyes|blush|glad|satisfied|smile
smiling face with halo|angel|angelic|angels|blessed
smiling face with hearts|adore|crush|ily|love
smiling face with heart-eyes|bae|feels|hearts|ily
star-struck|excited|eyes|face|grinning
face blowing a kiss|adorbs|bae|flirt|heart
kissing face|date|dating|flirt|ily
smiling face|happy|outlined|relaxed|smile
kissing face with closed eyes|bae|blush|date|dating
kissing face with smiling eyes|closed|date|dating|flirt
smiling face with tear|glad|grateful|happy|joy
face savoring food|delicious|eat|full|hungry
face with tongue|awesome|cool|nice|party
winking face with tongue|crazy|epic|eye|funny
zany face|crazy|eye|eyes|goofy
squinting face with tongue|closed|eye|eyes|gross
money-mouth face|paid
smiling face with open hands|hug|hugging
face with hand over mouth|giggle|giggling|oops|realization
face with open eyes and hand over mouth|amazement|awe|disbelief|embarrass
face with peeking eye|captivated|embarrass|hide|hiding
shushing face|quiet|shh
thinking face|chin|consider|hmm|ponder
saluting face|good|luck|ok|respect
zipper-mouth face|keep|quiet|secret|shut
face with raised eyebrow|disapproval|disbelief|distrust|emoji
neutral face|awkward|blank|deadpan|expressionless
expressionless face|awkward|dead|fine|inexpressive
face without mouth|awkward|blank|expressionless|mouthless
dotted line face|depressed|disappear|hidden|hide
face in clouds|absentminded|fog|head
smirking face|boss|dapper|flirt|homie
unamused face|bored|fine|jealous|jel
face with rolling eyes|eyeroll|shade|ugh|whatever
grimacing face|awk|awkward|dentist|grimace
face exhaling|blow|blowing|exhale|exhausted
lying face|liar|lie|pinocchio
shaking face|crazy|daze|earthquake|omg
relieved face|calm|peace|relief|zen
pensive face|awful|bored|dejected|died
sleepy face|crying|good|night|sad
drooling face
sleeping face|bed|bedtime|good|goodnight
face with medical mask|cold|dentist|dermatologist|doctor
face with thermometer|ill|sick
face with head-bandage|hurt|injury|ouch
nauseated face|gross|nasty|sick|vomit
face vomiting|barf|ew|gross|puke
sneezing face|fever|flu|gesundheit|sick
hot face|dying|feverish|heat|panting
cold face|blue|freezing|frostbite|icicles
woozy face|dizzy|drunk|eyes|intoxicated
face with crossed-out eyes|dead|dizzy|feels|knocked
face with spiral eyes|confused|dizzy|hypnotized|omg
exploding head|blown|explode|mind|mindblown
cowboy hat face|cowgirl
partying face|bday|birthday|celebrate|celebration
disguised face|eyebrow|glasses|incognito|moustache
smiling face with sunglasses|awesome|beach|bright|bro
nerd face|brainy|clever|expert|geek
face with monocle|classy|fancy|rich|stuffy
confused face|befuddled|confusing|dunno|frown
face with diagonal mouth|confused|confusion|disappointed|doubt
worried face|anxious|butterflies|nerves|nervous
slightly frowning face|sad
frowning face|sad
face with open mouth|believe|forgot|omg|shocked
hushed face|epic|omg|stunned|surprised
astonished face|cost|no|omg|shocked
flushed face|amazed|awkward|crazy|dazed
pleading face|begging|big|eyes|mercy
face holding back tears|admiration|aww|cry|embarrassed
frowning face with open mouth|caught|guard|scared|scary
anguished face|forgot|scared|scary|stressed
fearful face|afraid|anxious|blame|scared
anxious face with sweat|blue|cold|eek|mouth
sad but relieved face|anxious|call|close|complicated
crying face|awful|feels|miss|sad
loudly crying face|bawling|sad|sob|tear
face screaming in fear|epic|fearful|munch|scared
confounded face|annoyed|confused|cringe|distraught
persevering face|concentrate|concentration|focus|headache
disappointed face|awful|blame|dejected|fail
downcast face with sweat|close|cold|feels|headache
weary face|crying|fail|feels|hungry
tired face|cost|feels|nap|sad
yawning face|bedtime|bored|goodnight|nap
face with steam from nose|anger|angry|feels|fume
enraged face|anger|angry|feels|mad
angry face|anger|blame|feels|frustrated
face with symbols on mouth|censor|cursing|cussing|mad
smiling face with horns|demon|devil|evil|fairy
angry face with horns|demon|devil|evil|fairy
skull|body|dead|death|face
skull and crossbones|dead|death|face|monster
pile of poo|bs|comic|doo|dung
clown face
ogre|creature|devil|face|fairy
goblin|angry|creature|face|fairy
ghost|boo|creature|excited|face
alien|creature|extraterrestrial|face|fairy
alien monster|creature|extraterrestrial|face|fairy
robot|face|monster
grinning cat|animal|face|mouth|open
grinning cat with smiling eyes|animal|face|smile
cat with tears of joy|animal|face|laugh|laughing
smiling cat with heart-eyes|animal|face|love|smile
cat with wry smile|animal|face|ironic
kissing cat|animal|closed|eye|eyes
weary cat|animal|face|oh|surprised
crying cat|animal|face|sad|tear
pouting cat|animal|face
see-no-evil monkey|embarrassed|face|forbidden|forgot
hear-no-evil monkey|animal|ears|face|forbidden
speak-no-evil monkey|animal|face|forbidden|gesture
love letter|heart|mail|romance|valentine
heart with arrow|adorbs|cupid|date|emotion
heart with ribbon|anniversary|emotion|ily|kisses
sparkling heart|emotion|excited|good|ily
growing heart|emotion|excited|heartpulse|ily
beating heart|cardio|emotion|heartbeat|ily
revolving hearts|adorbs|anniversary|emotion
two hearts|anniversary|date|dating|emotion
heart decoration|emotion|hearth|purple|white
heart exclamation|heavy|mark|punctuation
broken heart|break|crushed|emotion|heartbroken
heart on fire|burn|love|lust|sacred
mending heart|healthier|improving|recovering|recuperating
red heart|emotion|love
pink heart|adorable|cute|emotion|ily
orange heart
yellow heart|cardiac|emotion|ily|love
green heart|emotion|ily|love|romantic
blue heart|emotion|ily|love|romance
light blue heart|cute|cyan|emotion|ily
purple heart|bestest|emotion|ily|love
brown heart
black heart|evil|wicked
grey heart|emotion|gray|ily|love
white heart
kiss mark|dating|emotion|heart|kissing
hundred points|agree|clearly|definitely|faithful
anger symbol|angry|comic|mad|upset
collision|bomb|boom|collide|comic
dizzy|comic|shining|shooting|star
sweat droplets|comic|drip|drops|splashing
dashing away|cloud|comic|fart|fast
hole
speech balloon|bubble|comic|dialog|message
eye in speech bubble|balloon|witness
left speech bubble|balloon|dialog
right anger bubble|angry|balloon|mad
thought balloon|bubble|cartoon|cloud|comic
ZZZ|comic|good|goodnight|night
waving hand|bye|cya|greetings|gtg
raised back of hand|backhand
hand with fingers splayed|raised|stop
raised hand|five|high|stop
vulcan salute|finger|hand|hands
rightwards hand|handshake|hold|reach|shake
leftwards hand|handshake|hold|reach|shake
palm down hand|dismiss|drop|dropped|pick
palm up hand|beckon|catch|come|hold
leftwards pushing hand|block|five|halt|high
rightwards pushing hand|block|five|halt|high
OK hand|awesome|bet|dope|fleek
pinched fingers|gesture|hand|hold|huh
pinching hand|amount|bit|fingers|little
victory hand|peace
crossed fingers|hand|luck
hand with index finger and thumb crossed|expensive|heart|love|money
love-you gesture|fingers|hand|ily|three
sign of the horns|finger|hand
call me hand|hang|loose|shaka
backhand index pointing left|finger
backhand index pointing right|finger
backhand index pointing up|finger
middle finger|hand
backhand index pointing down|finger
index pointing up|finger|hand|this
index pointing at the viewer|finger|hand|poke|you
thumbs up|good|hand|like|yes
thumbs down|bad|dislike|good|hand
raised fist|clenched|hand|punch|solidarity
oncoming fist|absolutely|agree|boom|bro
left-facing fist|leftwards
right-facing fist|rightwards
clapping hands|applause|approval|awesome|congrats
raising hands|celebration|gesture|hooray|praise
heart hands|love|you
open hands|hug|jazz|swerve
palms up together|cupped|dua|hands|pray
handshake|agreement|deal|meeting
folded hands|appreciate|ask|beg|blessed
writing hand|write
nail polish|bored|care|cosmetics|done
selfie|camera|phone
flexed biceps|arm|beast|bench|bodybuilder
mechanical arm|accessibility|prosthetic
mechanical leg|accessibility|prosthetic
leg|bent|foot|kick|knee
foot|ankle|feet|kick|stomp
ear|body|ears|hear|hearing
ear with hearing aid|accessibility|hard
nose|body|noses|nosey|odor
brain|intelligent|smart
anatomical heart|beat|cardiology|heartbeat|organ
lungs|breath|breathe|exhalation|inhalation
tooth|dentist|pearly|teeth|white
bone|bones|dog|skeleton|wishbone
eyes|body|face|googly|look
eye|body|one
tongue|body|lick|slurp
mouth|beauty|body|kiss|kissing
biting lip|anxious|bite|fear|flirt
baby|babies|children|goo|infant
child|grandchild|kid|young|younger
boy|child|grandson|kid|son
girl|child|daughter|granddaughter|kid
person|adult
person: blond hair|human
man|adult|bro
person: beard|bearded|whiskers
man: beard|bearded|whiskers
woman: beard|bearded|whiskers
man: red hair|adult|bro
man: curly hair|adult|bro
man: white hair|adult|bro
man: bald|adult|bro
woman|adult|lady
woman: red hair|adult|lady
person: red hair|adult
woman: curly hair|adult|lady
person: curly hair|adult
woman: white hair|adult|lady
person: white hair|adult
woman: bald|adult|lady
person: bald|adult
woman: blond hair|blonde
man: blond hair
older person|adult|elderly|grandparent|wise
old man|adult|bald|elderly|gramps
old woman|adult|elderly|grandma|grandmother
person frowning|annoyed|disappointed|disgruntled|disturbed
man frowning|annoyed|disappointed|disgruntled|disturbed
woman frowning|annoyed|disappointed|disgruntled|disturbed
person pouting|disappointed|downtrodden|frown|grimace
man pouting|disappointed|downtrodden|frown|grimace
woman pouting|disappointed|downtrodden|frown|grimace
person gesturing NO|forbidden|gesture|hand|not
man gesturing NO|forbidden|gesture|hand|not
woman gesturing NO|forbidden|gesture|hand|not
person gesturing OK|exercise|gesture|hand|omg
man gesturing OK|exercise|gesture|hand|omg
woman gesturing OK|exercise|gesture|hand|omg
person tipping hand|fetch|flick|flip|gossip
man tipping hand|fetch|flick|flip|gossip
woman tipping hand|fetch|flick|flip|gossip
person raising hand|gesture|here|know|me
man raising hand|gesture|here|know|me
woman raising hand|gesture|here|know|me
deaf person|accessibility|ear|gesture|hear
deaf man|accessibility|ear|gesture|hear
deaf woman|accessibility|ear|gesture|hear
person bowing|apology|ask|beg|favor
man bowing|apology|ask|beg|favor
woman bowing|apology|ask|beg|favor
person facepalming|again|bewilder|disbelief|exasperation
man facepalming|again|bewilder|disbelief|exasperation
woman facepalming|again|bewilder|disbelief|exasperation
person shrugging|doubt|dunno|guess|idk
man shrugging|doubt|dunno|guess|idk
woman shrugging|doubt|dunno|guess|idk
health worker|doctor|healthcare|nurse|therapist
man health worker|doctor|healthcare|nurse|therapist
woman health worker|doctor|healthcare|nurse|therapist
student|graduate
man student|graduate
woman student|graduate
teacher|instructor|lecturer|professor
man teacher|instructor|lecturer|professor
woman teacher|instructor|lecturer|professor
judge|justice|law|scales
man judge|justice|law|scales
woman judge|justice|law|scales
farmer|gardener|rancher
man farmer|gardener|rancher
woman farmer|gardener|rancher
cook|chef
man cook|chef
woman cook|chef
mechanic|electrician|plumber|tradesperson
man mechanic|electrician|plumber|tradesperson
woman mechanic|electrician|plumber|tradesperson
factory worker|assembly|industrial
man factory worker|assembly|industrial
woman factory worker|assembly|industrial
office worker|architect|business|manager
man office worker|architect|business|manager
woman office worker|architect|business|manager
scientist|biologist|chemist|engineer|mathematician
man scientist|biologist|chemist|engineer|mathematician
woman scientist|biologist|chemist|engineer|mathematician
technologist|coder|computer|developer|inventor
man technologist|coder|computer|developer|inventor
woman technologist|coder|computer|developer|inventor
singer|actor|entertainer|rock|rockstar
man singer|actor|entertainer|rock|rockstar
woman singer|actor|entertainer|rock|rockstar
artist|palette
man artist|palette
woman artist|palette
pilot|plane
man pilot|plane
woman pilot|plane
astronaut|rocket|space
man astronaut|rocket|space
woman astronaut|rocket|space
firefighter|firetruck
man firefighter|firetruck
woman firefighter|firetruck
police officer|apprehend|arrest|citation|cop
man police officer|apprehend|arrest|citation|cop
woman police officer|apprehend|arrest|citation|cop
detective|sleuth|spy
man detective|sleuth|spy
woman detective|sleuth|spy
guard|buckingham|helmet|london|palace
man guard|buckingham|helmet|london|palace
woman guard|buckingham|helmet|london|palace
ninja|assassin|fight|fighter|hidden
construction worker|build|fix|hardhat|hat
man construction worker|build|fix|hardhat|hat
woman construction worker|build|fix|hardhat|hat
person with crown|monarch|noble|regal|royal
prince|crown|fairy|fairytale|fantasy
princess|crown|fairy|fairytale|fantasy
person wearing turban
man wearing turban
woman wearing turban
person with skullcap|chinese|gua|guapi|hat
woman with headscarf|bandana|hijab|kerchief|mantilla
person in tuxedo|formal|wedding
man in tuxedo|formal|groom|wedding
woman in tuxedo|formal|wedding
person with veil|wedding
man with veil|wedding
woman with veil|bride|wedding
pregnant woman
pregnant man|belly|bloated|full|overeat
pregnant person|belly|bloated|full|overeat
breast-feeding|baby|mom|mother|nursing
woman feeding baby|mom|mother|nanny|newborn
man feeding baby|dad|father|nanny|newborn
person feeding baby|nanny|newborn|nursing|parent
baby angel|church|face|fairy|fairytale
Santa Claus|celebration|christmas|fairy|fantasy
Mrs. Claus|celebration|christmas|fairy|fantasy
Mx Claus|celebration|christmas|fairy|fantasy
superhero|good|superpower
man superhero|good|superpower
woman superhero|good|heroine|superpower
supervillain|bad|criminal|evil|superpower
man supervillain|bad|criminal|evil|superpower
woman supervillain|bad|criminal|evil|superpower
mage|fantasy|magic|play|sorcerer
man mage|fantasy|magic|play|sorcerer
woman mage|fantasy|magic|play|sorcerer
fairy|fairytale|fantasy|myth|person
man fairy|fairytale|fantasy|myth|oberon
woman fairy|fairytale|fantasy|myth|person
vampire|blood|dracula|fangs|halloween
man vampire|blood|fangs|halloween|scary
woman vampire|blood|fangs|halloween|scary
merperson|creature|fairytale|folklore|ocean
merman|creature|fairytale|folklore|neptune
mermaid|creature|fairytale|folklore|merwoman
elf|elves|enchantment|fantasy|folklore
man elf|elves|enchantment|fantasy|folklore
woman elf|elves|enchantment|fantasy|folklore
genie|djinn|fantasy|jinn|lamp
man genie|djinn|fantasy|jinn|lamp
woman genie|djinn|fantasy|jinn|lamp
zombie|apocalypse|dead|halloween|horror
man zombie|apocalypse|dead|halloween|horror
woman zombie|apocalypse|dead|halloween|horror
troll|fairy|fantasy|monster|tale
person getting massage|face|headache|relax|relaxing
man getting massage|face|headache|relax|relaxing
woman getting massage|face|headache|relax|relaxing
person getting haircut|barber|beauty|chop|cosmetology
man getting haircut|barber|beauty|chop|cosmetology
woman getting haircut|barber|beauty|chop|cosmetology
person walking|amble|gait|hike|man
man walking|amble|gait|hike|pace
woman walking|amble|gait|hike|pace
person standing
man standing
woman standing
person kneeling|knees
man kneeling|knees
woman kneeling|knees
person with white cane|accessibility|blind|probing
man with white cane|accessibility|blind|probing
woman with white cane|accessibility|blind|probing
person in motorized wheelchair|accessibility
man in motorized wheelchair|accessibility
woman in motorized wheelchair|accessibility
person in manual wheelchair|accessibility
man in manual wheelchair|accessibility
woman in manual wheelchair|accessibility
person running|fast|hurry|marathon|move
man running|fast|hurry|marathon|move
woman running|fast|hurry|marathon|move
woman dancing|dance|dancer|elegant|festive
man dancing|dance|dancer|elegant|festive
person in suit levitating|business
people with bunny ears|bestie|bff|counterpart|dancer
men with bunny ears|bestie|bff|counterpart|dancer
women with bunny ears|bestie|bff|counterpart|dancer
person in steamy room|day|luxurious|pamper|relax
man in steamy room|day|luxurious|pamper|relax
woman in steamy room|day|luxurious|pamper|relax
person climbing|climber|mountain|rock|scale
man climbing|climber|mountain|rock|scale
woman climbing|climber|mountain|rock|scale
person fencing|fencer|sword
horse racing|jockey|racehorse|riding|sport
skier|snow
snowboarder|ski|sport
person golfing|ball|birdie|caddy|driving
man golfing|ball|birdie|caddy|driving
woman golfing|ball|birdie|caddy|driving
person surfing|beach|ocean|sport|surfer
man surfing|beach|ocean|sport|surfer
woman surfing|beach|ocean|person|sport
person rowing boat|canoe|cruise|fishing|lake
man rowing boat|canoe|cruise|fishing|lake
woman rowing boat|canoe|cruise|fishing|lake
person swimming|freestyle|sport|swimmer|triathlon
man swimming|freestyle|sport|swimmer|triathlon
woman swimming|freestyle|sport|swimmer|triathlon
person bouncing ball|athletic|basketball|championship|dribble
man bouncing ball|athletic|basketball|championship|dribble
woman bouncing ball|athletic|basketball|championship|dribble
person lifting weights|barbell|bodybuilder|deadlift|lifter
man lifting weights|barbell|bodybuilder|deadlift|lifter
woman lifting weights|barbell|bodybuilder|deadlift|lifter
person biking|bicycle|bicyclist|bike|cycle
man biking|bicycle|bicyclist|bike|cycle
woman biking|bicycle|bicyclist|bike|cycle
person mountain biking|bicycle|bicyclist|bike|cycle
man mountain biking|bicycle|bicyclist|bike|cycle
woman mountain biking|bicycle|bicyclist|bike|cycle
person cartwheeling|active|excited|flip|gymnastics
man cartwheeling|active|excited|flip|gymnastics
woman cartwheeling|active|excited|flip|gymnastics
people wrestling|combat|duel|grapple|ring
men wrestling|combat|duel|grapple|ring
women wrestling|combat|duel|grapple|ring
person playing water polo|sport|swimming|waterpolo
man playing water polo|sport|swimming|waterpolo
woman playing water polo|sport|swimming|waterpolo
person playing handball|athletics|catch|chuck|hurl
man playing handball|athletics|catch|chuck|hurl
woman playing handball|athletics|catch|chuck|hurl
person juggling|act|balance|balancing|handle
man juggling|act|balance|balancing|handle
woman juggling|act|balance|balancing|handle
person in lotus position|cross|legged|legs|meditation
man in lotus position|cross|legged|legs|meditation
woman in lotus position|cross|legged|legs|meditation
person taking bath|bathtub|tub
person in bed|bedtime|good|goodnight|hotel
people holding hands|bae|bestie|bff|couple
women holding hands|bae|bestie|bff|couple
woman and man holding hands|bae|bestie|bff|couple
men holding hands|bae|bestie|bff|boys
kiss|anniversary|babe|bae|couple
kiss: woman, man|anniversary|babe|bae|couple
kiss: man, man|anniversary|babe|bae|couple
kiss: woman, woman|anniversary|babe|bae|couple
couple with heart|anniversary|babe|bae|dating
couple with heart: woman, man|anniversary|babe|bae|dating
couple with heart: man, man|anniversary|babe|bae|dating
couple with heart: woman, woman|anniversary|babe|bae|dating
family: man, woman, boy|child
family: man, woman, girl|child
family: man, woman, girl, boy|child
family: man, woman, boy, boy|child
family: man, woman, girl, girl|child
family: man, man, boy|child
family: man, man, girl|child
family: man, man, girl, boy|child
family: man, man, boy, boy|child
family: man, man, girl, girl|child
family: woman, woman, boy|child
family: woman, woman, girl|child
family: woman, woman, girl, boy|child
family: woman, woman, boy, boy|child
family: woman, woman, girl, girl|child
family: man, boy|child
family: man, boy, boy|child
family: man, girl|child
family: man, girl, boy|child
family: man, girl, girl|child
family: woman, boy|child
family: woman, boy, boy|child
family: woman, girl|child
family: woman, girl, boy|child
family: woman, girl, girl|child
speaking head|face|silhouette
bust in silhouette|mysterious|shadow
busts in silhouette|bff|everyone|friend|friends
people hugging|comfort|embrace|farewell|friendship
family|child
footprints|barefoot|clothing|omw|walk
monkey face|animal|banana
monkey|animal|banana
gorilla|animal
orangutan|animal|ape|monkey
dog face|adorbs|animal|pet|puppies
dog|animal|animals|dogs|pet
guide dog|accessibility|animal|blind
service dog|accessibility|animal|assistance
poodle|animal|dog|fluffy
wolf|animal|face
fox|animal|face
raccoon|animal|curious|sly
cat face|animal|kitten|kitty|pet
cat|animal|animals|cats|kitten
black cat|animal|feline|halloween|meow
lion|alpha|animal|face|leo
tiger face|animal|big|cat|predator
tiger|animal|big|cat|predator
leopard|animal|big|cat|predator
horse face|animal|dressage|equine|farm
moose|alces|animal|antlers|elk
donkey|animal|ass|burro|hinny
horse|animal|equestrian|farm|racehorse
unicorn|face
zebra|animal|stripe
deer|animal
bison|animal|buffalo|herd|wisent
cow face|animal|farm|milk|moo
ox|animal|animals|bull|farm
water buffalo|animal|zoo
cow|animal|animals|farm|milk
pig face|animal|bacon|farm|pork
pig|animal|bacon|farm|pork
boar|animal|pig
pig nose|animal|face|farm|smell
ram|animal|aries|horns|male
ewe|animal|baa|farm|female
goat|animal|capricorn|farm|milk
camel|animal|desert|dromedary|hump
two-hump camel|animal|bactrian|desert
llama|alpaca|animal|guanaco|wool
giraffe|animal|spots
elephant|animal
mammoth|animal|extinction|large|tusk
rhinoceros|animal
hippopotamus|animal
mouse face|animal
mouse|animal|animals
rat|animal
hamster|animal|face|pet
rabbit face|animal|bunny|pet
rabbit|animal|bunny|pet
chipmunk|animal|squirrel
beaver|animal|dam|teeth
hedgehog|animal|spiny
bat|animal|vampire
bear|animal|face|grizzly|growl
polar bear|animal|arctic|white
koala|animal|australia|bear|down
panda|animal|bamboo|face
sloth|lazy|slow
otter|animal|fishing|playful
skunk|animal|stink
kangaroo|animal|joey|jump|marsupial
badger|animal|honey|pester
paw prints|feet|paws
turkey|bird|gobble|thanksgiving
chicken|animal|bird|ornithology
rooster|animal|bird|ornithology
hatching chick|animal|baby|bird|egg
baby chick|animal|bird|ornithology
front-facing baby chick|animal|bird|newborn|ornithology
bird|animal|ornithology
penguin|animal|antarctica|bird|ornithology
dove|bird|fly|ornithology|peace
eagle|animal|bird|ornithology
duck|animal|bird|ornithology
swan|animal|bird|cygnet|duckling
owl|animal|bird|ornithology|wise
dodo|animal|bird|extinction|large
feather|bird|flight|light|plumage
flamingo|animal|bird|flamboyant|ornithology
peacock|animal|bird|colorful|ornithology
parrot|animal|bird|ornithology|pirate
wing|angelic|ascend|aviation|bird
black bird|animal|beak|caw|corvid
goose|animal|bird|duck|flock
frog|animal|face
crocodile|animal|zoo
turtle|animal|terrapin|tortoise
lizard|animal|reptile
snake|animal|bearer|ophiuchus|serpent
dragon face|animal|fairy|fairytale|tale
dragon|animal|fairy|fairytale|knights
sauropod|brachiosaurus|brontosaurus|dinosaur|diplodocus
T-Rex|dinosaur|tyrannosaurus
spouting whale|animal|beach|face|ocean
whale|animal|beach|ocean
dolphin|animal|beach|flipper|ocean
seal|animal|lion|ocean
fish|animal|dinner|fishes|fishing
tropical fish|animal|fishes
blowfish|animal
shark|animal|fish
octopus|animal|creature|ocean
spiral shell|animal|beach|conch|sea
coral|change|climate|ocean|reef
jellyfish|animal|aquarium|burn|invertebrate
crab|cancer|zodiac
lobster|animal|bisque|claws|seafood
shrimp|food|shellfish|small
squid|animal|food|mollusk
oyster|diving|pearl
snail|animal|escargot|garden|nature
butterfly|insect|pretty
bug|animal|garden|insect
ant|animal|garden|insect
honeybee|animal|bumblebee|insect|nature
beetle|animal|bug|insect
lady beetle|animal|garden|insect|ladybird
cricket|animal|bug|grasshopper|insect
cockroach|animal|insect|pest
spider|animal|insect
spider web
scorpion|scorpius|zodiac
mosquito|bite|disease|fever|insect
fly|animal|disease|insect|maggot
worm|animal|annelid|earthworm|parasite
microbe|amoeba|bacteria|science|virus
bouquet|anniversary|birthday|date|flower
cherry blossom|flower|plant|spring|springtime
white flower
lotus|beauty|buddhism|calm|flower
rosette|plant
rose|beauty|elegant|flower|love
wilted flower|dying
hibiscus|flower|plant
sunflower|outdoors|plant
blossom|buttercup|dandelion|flower|plant
tulip|blossom|flower|growth|plant
hyacinth|bloom|bluebonnet|flower|indigo
seedling|plant|sapling|sprout|young
potted plant|decor|grow|house|nurturing
evergreen tree|christmas|forest|pine
deciduous tree|forest|green|habitat|shedding
palm tree|beach|plant|tropical
cactus|desert|drought|nature|plant
sheaf of rice|ear|grain|grains|plant
herb|leaf|plant
shamrock|irish|plant
four leaf clover|irish|lucky|plant
maple leaf|falling
fallen leaf|autumn|falling
leaf fluttering in wind|blow
empty nest|branch|home|nesting
nest with eggs|bird|branch|nesting
mushroom|fungus|toadstool
grapes|dionysus|fruit
melon|cantaloupe|fruit
watermelon|fruit
tangerine|c|citrus|fruit|nectarine
lemon|citrus|fruit|sour
banana|fruit|potassium
pineapple|colada|fruit|pina|tropical
mango|food|fruit|tropical
red apple|diet|food|fruit|health
green apple|fruit
pear|fruit
peach|fruit
cherries|berries|cherry|fruit|red
strawberry|fruit
blueberries|berry|bilberry|blueberry|food
kiwi fruit|food
tomato|food|fruit|vegetable
olive|food
coconut|colada|palm
avocado|food|fruit
eggplant|aubergine|vegetable
potato|food|vegetable
carrot|food|vegetable
ear of corn|crops|farm|maize|maze
hot pepper
bell pepper|capsicum|food|vegetable
cucumber|food|pickle|vegetable
leafy green|bok|burgers|cabbage|choy
broccoli|cabbage|wild
garlic|flavoring
onion|flavoring
peanuts|food|vegetable
beans|food|kidney|legume|small
chestnut|almond|plant
ginger root|beer|health|herb|natural
pea pod|beans|beanstalk|edamame|legume
bread|carbs|food|grain|loaf
croissant|bread|breakfast|crescent|food
baguette bread|food|french
flatbread|arepa|food|gordita|lavash
pretzel|convoluted|twisted
bagel|bakery|bread|breakfast|schmear
pancakes|breakfast|food|hotcake
waffle|breakfast|indecisive|iron
cheese wedge
meat on bone
poultry leg|bone|chicken|drumstick|hungry
cut of meat|chop|lambchop|porkchop|red
bacon|breakfast|food|meat
hamburger|eat|fast|food|hungry
french fries|fast|food
pizza|cheese|food|hungry|pepperoni
hot dog|frankfurter|hotdog|sausage
sandwich|bread
taco|mexican
burrito|mexican|wrap
tamale|food|mexican|pamonha|wrapped
stuffed flatbread|falafel|food|gyro|kebab
falafel|chickpea|meatball
egg|breakfast|food
cooking|breakfast|easy|egg|fry
shallow pan of food|casserole|paella
pot of food|soup|stew
fondue|cheese|chocolate|food|melted
bowl with spoon|breakfast|cereal|congee|oatmeal
green salad|food
popcorn|movie
butter|dairy
salt|condiment|flavor|mad|salty
canned food
bento box|food
rice cracker|food
rice ball|food|japanese
cooked rice|food
curry rice|food
steaming bowl|chopsticks|food|noodle|pho
spaghetti|food|meatballs|pasta|restaurant
roasted sweet potato|food
oden|food|kebab|restaurant|seafood
sushi|food
fried shrimp|prawn|tempura
fish cake with swirl|food|pastry|restaurant
moon cake|autumn|festival
dango|dessert|japanese|skewer|stick
dumpling|empanada|jiaozi|pierogi|potsticker
fortune cookie|prophecy
takeout box|chopsticks|delivery|food|oyster
soft ice cream|dessert|food|icecream|restaurant
shaved ice|dessert|restaurant|sweet
ice cream|dessert|food|restaurant|sweet
doughnut|breakfast|dessert|donut|food
cookie|chip|chocolate|dessert|sweet
birthday cake|bday|celebration|dessert|happy
shortcake|dessert|pastry|slice|sweet
cupcake|bakery|dessert|sprinkles|sugar
pie|apple|filling|fruit|meat
chocolate bar|candy|dessert|halloween|sweet
candy|cavities|dessert|halloween|restaurant
lollipop|candy|dessert|food|restaurant
custard|dessert|pudding|sweet
honey pot|barrel|bear|food|honeypot
baby bottle|babies|birth|born|drink
glass of milk|drink
hot beverage|cafe|caffeine|chai|coffee
teapot|brew|drink|food
teacup without handle|beverage|drink|oolong
sake|bar|beverage|bottle|cup
bottle with popping cork|bar|drink
wine glass|alcohol|bar|beverage|booze
cocktail glass|alcohol|bar|booze|club
tropical drink|alcohol|bar|booze|club
beer mug|alcohol|ale|bar|booze
clinking beer mugs|alcohol|bar|booze|bottoms
clinking glasses|celebrate|drink
tumbler glass|liquor|scotch|shot|whiskey
pouring liquid|accident|drink|empty|glass
cup with straw|drink|juice|malt|soda
bubble tea|boba|food|milk|pearl
beverage box|juice|straw|sweet
mate|drink
ice|cold|cube|iceberg
chopsticks|hashi|jeotgarak|kuaizi
fork and knife with plate|cooking|dinner|eat
fork and knife|breakfast|breaky|cooking|cutlery
spoon|eat|tableware
kitchen knife|chef|cooking|hocho|tool
jar|condiment|container|empty|nothing
amphora|aquarius|cooking|drink|jug
globe showing Europe-Africa|earth|world
globe showing Americas|earth|world
globe showing Asia-Australia|earth|world
globe with meridians|earth|internet|web|world
world map
map of Japan
compass|direction|magnetic|navigation|orienteering
snow-capped mountain|cold
mountain
volcano|eruption|mountain|nature
mount fuji|mountain|nature
camping
beach with umbrella
desert
desert island
national park
stadium
classical building
building construction|crane
brick|bricks|clay|mortar|wall
rock|boulder|heavy|solid|stone
wood|log|lumber|timber
hut|home|house|roundhouse|shelter
houses
derelict house|home
house|building|country|heart|home
house with garden|building|country|heart|home
office building|city|cubical|job
Japanese post office|building
post office|building|european
hospital|building|doctor|medicine
bank|building
hotel|building
love hotel|building
convenience store|building|hours
school|building
department store|building
factory|building
Japanese castle|building
castle|building|european
wedding|chapel|hitched|nuptials|romance
Tokyo tower
Statue of Liberty|new|ny|nyc|york
church|bless|chapel|christian|cross
mosque|islam|masjid|muslim|religion
hindu temple
synagogue|jew|jewish|judaism|religion
shinto shrine|religion
kaaba|hajj|islam|muslim|religion
fountain
tent|camping
foggy
night with stars
cityscape
sunrise over mountains|morning
sunrise|morning|nature
cityscape at dusk|building|evening|landscape|sun
sunset|building|dusk
bridge at night
hot springs|hotsprings|steaming
carousel horse|entertainment
playground slide|amusement|park|playing|sliding
ferris wheel|amusement|park|theme
roller coaster|amusement|park|theme
barber pole|cut|fresh|haircut|shave
circus tent
locomotive|caboose|engine|railway|steam
railway car|electric|train|tram|travel
high-speed train|railway|shinkansen
bullet train|nose|railway|shinkansen|speed
train|arrived|choo|railway
metro|subway|travel
light rail|arrived|monorail|railway
station|railway|train
tram|trolleybus
monorail|vehicle
mountain railway|car|trip
tram car|bus|trolley|trolleybus
bus|school|vehicle
oncoming bus|cars
trolleybus|tram
minibus|drive|van|vehicle
ambulance|emergency|vehicle
fire engine|truck
police car|cops|patrol
oncoming police car
taxi|cab|cabbie|car|drive
oncoming taxi|cab|cabbie|cars|drove
automobile|car|driving|vehicle
oncoming automobile|car|cars|drove|vehicle
sport utility vehicle|car|drive|recreational|sportutility
pickup truck|automobile|car|flatbed|transportation
delivery truck|car|drive|vehicle
articulated lorry|car|drive|move|semi
tractor|vehicle
racing car|zoom
motorcycle|racing
motor scooter
manual wheelchair|accessibility
motorized wheelchair|accessibility
auto rickshaw|tuk
bicycle|bike|class|cycling|cyclist
kick scooter
skateboard|skater|wheels
roller skate|blades|skates|sport
bus stop|busstop
motorway|highway|road
railway track|train
oil drum
fuel pump|diesel|fuelpump|gas|gasoline
wheel|car|circle|tire|turn
police car light|alarm|alert|beacon|emergency
horizontal traffic light|intersection|signal|stop|stoplight
vertical traffic light|drove|intersection|signal|stop
stop sign|octagonal
construction|barrier
anchor|ship|tool
ring buoy|float|life|lifesaver|preserver
sailboat|resort|sailing|sea|yacht
canoe|boat
speedboat|billionaire|lake|luxury|millionaire
passenger ship
ferry|boat|passenger
motor boat|motorboat
ship|boat|passenger|travel
airplane|aeroplane|fly|flying|jet
small airplane|aeroplane
airplane departure|aeroplane|departures
airplane arrival|aeroplane|arrivals|arriving|landing
parachute|parasail|skydive
seat|chair
helicopter|roflcopter|travel|vehicle
suspension railway
mountain cableway|gondola|lift|ski
aerial tramway|cable|car|gondola|ropeway
satellite|space
rocket|launch|rockets|space|travel
flying saucer|aliens|extra|terrestrial|ufo
bellhop bell|hotel
luggage|bag|packing|roller|suitcase
hourglass done|sand|time|timer
hourglass not done|flowing|hours|sand|timer
watch|clock|time
alarm clock|hours|hrs|late|time
stopwatch|clock|time
timer clock
mantelpiece clock|time
twelve o’clock|time
twelve-thirty|clock|time
one o’clock|time
one-thirty|clock|time
two o’clock|time
two-thirty|clock|time
three o’clock|time
three-thirty|clock|time
four o’clock|time
four-thirty|clock|time
five o’clock|time
five-thirty|clock|time
six o’clock|time
six-thirty|clock
seven o’clock
seven-thirty|clock
eight o’clock|time
eight-thirty|clock|time
nine o’clock|time
nine-thirty|clock|time
ten o’clock
ten-thirty|clock|time
eleven o’clock|time
eleven-thirty|clock|time
new moon|dark|space
waxing crescent moon|dreams|space
first quarter moon|space
waxing gibbous moon|space
full moon|space
waning gibbous moon|space
last quarter moon|space
waning crescent moon|space
crescent moon|ramadan|space
new moon face|space
first quarter moon face|space
last quarter moon face|dreams
thermometer|weather
sun|bright|rays|space|sunny
full moon face|bright
sun with face|beach|bright|day|heat
ringed planet|saturn|saturnine
star|astronomy|medium|stars|white
glowing star|glittery|night|shining|sparkle
shooting star|falling|night|space
milky way|space
cloud|weather
sun behind cloud|cloudy|weather
cloud with lightning and rain|thunder|thunderstorm
sun behind small cloud|weather
sun behind large cloud|weather
sun behind rain cloud|weather
cloud with rain|weather
cloud with snow|cold|weather
cloud with lightning|weather
tornado|cloud|weather|whirlwind
fog|cloud|weather
wind face|blow|cloud
cyclone|dizzy|hurricane|twister|typhoon
rainbow|gay|genderqueer|glbt|glbtq
closed umbrella|clothing|rain
umbrella|clothing|rain
umbrella with rain drops|clothing|weather
umbrella on ground|rain|sun
high voltage|danger|electric|electricity|lightning
snowflake|cold|weather
snowman|cold
snowman without snow|cold
comet|space
fire|af|burn|flame|hot
droplet|cold|comic|nature|sad
water wave|nature|ocean|surf|surfer
jack-o-lantern|celebration|halloween|pumpkin
Christmas tree|celebration
fireworks|boom|celebration|entertainment|yolo
sparkler|boom|celebration|fireworks
firecracker|dynamite|explosive|fireworks|light
sparkles|magic|star
balloon|birthday|celebrate|celebration
party popper|awesome|birthday|celebrate|celebration
confetti ball|celebrate|celebration|party|woohoo
tanabata tree|banner|celebration|japanese
pine decoration|bamboo|celebration|japanese|plant
Japanese dolls|celebration|festival
carp streamer|celebration
wind chime|bell|celebration
moon viewing ceremony|celebration
red envelope|gift|good|lai|luck
ribbon|celebration
wrapped gift|birthday|bow|box|celebration
reminder ribbon|celebration
admission tickets
ticket|admission|stub
military medal|award|celebration
trophy|champion|champs|prize|slay
sports medal|award|gold|winner
1st place medal|first|gold
2nd place medal|second|silver
3rd place medal|bronze|third
soccer ball|football|futbol|sport
baseball|sport
softball|glove|sports|underarm
basketball|hoop|sport
volleyball|game
american football|bowl|sport|super
rugby football|sport
tennis|ball|racquet|sport
flying disc|ultimate
bowling|ball|game|sport|strike
cricket game|ball|bat
field hockey|ball|game|stick
ice hockey|game|puck|stick
lacrosse|ball|goal|sports|stick
ping pong|ball|bat|game|paddle
badminton|birdie|game|racquet|shuttlecock
boxing glove
martial arts uniform|judo|karate|taekwondo
goal net
flag in hole|golf|sport
ice skate|skating
fishing pole|entertainment|sport
diving mask|scuba|snorkeling
running shirt|athletics|sash
skis|snow|sport
sled|luge|sledge|sleigh|snow
curling stone|game|rock
bullseye|dart|direct|entertainment|game
yo-yo|fluctuate|toy
kite|fly|soar
water pistol|gun|handgun|revolver|tool
pool 8 ball|billiard|eight|game
crystal ball|fairy|fairytale|fantasy|fortune
magic wand|magician|witch|wizard
video game|controller|entertainment
joystick|game|video|videogame
slot machine|casino|gamble|gambling|game
game die|dice|entertainment
puzzle piece|clue|interlocking|jigsaw
teddy bear|plaything|plush|stuffed|toy
piñata|candy|celebrate|celebration|cinco
mirror ball|dance|disco|glitter|party
nesting dolls|babooshka|baboushka|babushka|matryoshka
spade suit|card|game
heart suit|card|emotion|game|hearts
diamond suit|card|game
club suit|card|clubs|game
chess pawn|dupe|expendable
joker|card|game|wildcard
mahjong red dragon|game
flower playing cards|game|japanese
performing arts|actor|actress|entertainment|mask
framed picture|art|museum|painting
artist palette|artsy|arty|colorful|creative
thread|needle|sewing|spool|string
sewing needle|embroidery|stitches|sutures|tailoring
yarn|ball|crochet|knit
knot|cord|rope|tangled|tie
glasses|clothing|eye|eyeglasses|eyewear
sunglasses|dark|eye|eyewear
goggles|dive|eye|protection|scuba
lab coat|clothes|doctor|dr|experiment
safety vest|emergency
necktie|clothing|employed|serious|shirt
t-shirt|blue|casual|clothes|clothing
jeans|blue|casual|clothes|clothing
scarf|bundle|cold|neck|up
gloves|hand
coat|brr|bundle|cold|jacket
socks|stocking
dress|clothes|clothing|dressed|fancy
kimono|clothing|comfortable
sari|clothing|dress
one-piece swimsuit|bathing
briefs|bathing|suit|swimsuit|underwear
shorts|bathing|pants|suit|swimsuit
bikini|bathing|beach|clothing|pool
woman’s clothes|blouse|clothing|collar|dress
folding hand fan|clack|clap|cool|cooling
purse|clothes|clothing|coin|dress
handbag|clothes|clothing|dress|lady
clutch bag|clothes|clothing|dress|handbag
shopping bags|hotel
backpack|backpacking|bag|bookbag|education
thong sandal|beach|flip|flop|sandals
man’s shoe|brown|clothes|clothing|feet
running shoe|athletic|clothes|clothing|fast
hiking boot|backpacking|brown|camping|outdoors
flat shoe|ballet|comfy|flats|slipper
high-heeled shoe|clothes|clothing|dress|fashion
woman’s sandal|clothing|shoe
ballet shoes|dance
woman’s boot|clothes|clothing|dress|shoe
hair pick|afro|comb|groom
crown|clothing|family|king|medieval
woman’s hat|clothes|clothing|garden|hats
top hat|clothes|clothing|fancy|formal
graduation cap|celebration|clothing|education|hat
billed cap|baseball|bent|dad|hat
military helmet|army|soldier|war|warrior
rescue worker’s helmet|aid|cross|face|hat
prayer beads|clothing|necklace|religion
lipstick|cosmetics|date|makeup
ring|diamond|engaged|engagement|married
gem stone|diamond|engagement|jewel|money
muted speaker|quiet|silent|sound
speaker low volume|soft|sound
speaker medium volume|sound
speaker high volume|loud|music|sound
loudspeaker|address|communication|public|sound
megaphone|cheering|sound
postal horn
bell|break|church|sound
bell with slash|forbidden|mute|no|not
musical score|note
musical note|sound
musical notes|sound
studio microphone|music
level slider|music
control knobs|music
microphone|karaoke|music|sing|sound
headphone|earbud|sound
radio|entertainment|tbt|video
saxophone|instrument|music
trumpet|instrument|music
accordion|box|concertina|instrument|music
guitar|instrument|music|strat
musical keyboard|instrument|piano
violin|instrument|music
banjo|music|stringed
drum|drumsticks|music
long drum|beat|conga|instrument|rhythm
maracas|cha|dance|instrument|music
flute|band|fife|flautist|instrument
mobile phone|cell|communication|telephone
mobile phone with arrow|build|call|cell|communication
telephone
telephone receiver|communication|voip
pager|communication
fax machine|communication
battery
low battery|drained|electronic|energy|power
electric plug|electricity
laptop|computer|office|pc|personal
desktop computer|monitor
printer|computer
keyboard|computer
computer mouse
trackball|computer
computer disk|minidisk|optical
floppy disk|computer
optical disk|cd|computer|dvd
dvd|cd|computer|disk|optical
abacus|calculation|calculator
movie camera|bollywood|cinema|film|hollywood
film frames|cinema|movie
film projector|cinema|movie|video
clapper board|action|movie
television|tv|video
camera|photo|selfie|snap|tbt
camera with flash|video
video camera|camcorder|tbt
videocassette|old|school|tape|vcr
magnifying glass tilted left|lab|science|search|tool
magnifying glass tilted right|contact|lab|science|search
candle|light
light bulb|comic|electric|idea
flashlight|electric|tool|torch
red paper lantern|bar|light|restaurant
diya lamp|light|oil
notebook with decorative cover|decorated|education|school|writing
closed book|education
open book|education|fantasy|knowledge|library
green book|education|fantasy|library|reading
blue book|education|fantasy|library|reading
orange book|education|fantasy|library|reading
books|education|fantasy|knowledge|library
notebook
ledger|notebook
page with curl|document|paper
scroll|paper
page facing up|document|paper
newspaper|communication
rolled-up newspaper
bookmark tabs|marker
bookmark
label|tag
coin|dollar|euro|gold|metal
money bag|bank|bet|billion|cash
yen banknote|bill|currency|money
dollar banknote|bill|currency|money
euro banknote|bill|currency|money|rich
pound banknote|bill|billion|cash|currency
money with wings|bank|banknote|bill|billion
credit card|bank|cash|charge|money
receipt|accounting|bookkeeping|evidence|invoice
chart increasing with yen|bank|currency|graph|growth
envelope|email|letter
e-mail|email|letter
incoming envelope|delivering|email|letter|mail
envelope with arrow|communication|down|email|letter
outbox tray|email|letter|mail|sent
inbox tray|email|letter|mail|receive
package|box|communication|delivery|parcel
closed mailbox with raised flag|communication|postbox
closed mailbox with lowered flag|postbox
open mailbox with raised flag|postbox
open mailbox with lowered flag|postbox
postbox|mail|mailbox
ballot box with ballot
pencil
black nib|pen
fountain pen
pen|ballpoint
paintbrush|painting
crayon
memo|communication|media|notes|pencil
briefcase|office
file folder
open file folder
card index dividers
calendar|date
tear-off calendar
spiral notepad
spiral calendar|pad
card index|old|rolodex|school
chart increasing|data|graph|growth|right
chart decreasing|data|down|downward|graph
bar chart|data|graph
clipboard|do|list|notes
pushpin|collage
round pushpin|location|map
paperclip
linked paperclips
straight ruler|angle|edge|math|straightedge
triangular ruler|angle|math|set|slide
scissors|cut|cutting|paper|tool
card file box
file cabinet|filing|paper
wastebasket|can|garbage|trash
locked|closed|private
unlocked|cracked|open
locked with pen|ink|nib|privacy
locked with key|bike|closed|secure
key|keys|lock|major|password
old key|clue|lock
hammer|home|improvement|repairs|tool
axe|chop|hatchet|split|wood
pick|hammer|mining|tool
hammer and pick|tool
hammer and wrench|spanner|tool
dagger|knife|weapon
crossed swords|weapon
bomb|boom|comic|dangerous|explosion
boomerang|rebound|repercussion|weapon
bow and arrow|archer|archery|sagittarius|tool
shield|weapon
carpentry saw|carpenter|cut|lumber|tool
wrench|home|improvement|spanner|tool
screwdriver|flathead|handy|tool
nut and bolt|home|improvement|tool
gear|cog|cogwheel|tool
clamp|compress|tool|vice
balance scale|justice|libra|scales|tool
white cane|accessibility|blind|probing
link|links
chains
hook|catch|crook|curve|ensnare
toolbox|chest|mechanic|red
magnet|attraction|horseshoe|magnetic|negative
ladder|climb|rung|step
alembic|chemistry|tool
test tube|chemist|chemistry|experiment|lab
petri dish|bacteria|biologist|biology|culture
dna|biologist|evolution|gene|genetics
microscope|experiment|lab|science|tool
telescope|contact|extraterrestrial|science|tool
satellite antenna|aliens|contact|dish|science
syringe|doctor|flu|medicine|needle
drop of blood|bleed|donation|injury|medicine
pill|doctor|drugs|medicated|medicine
adhesive bandage
crutch|aid|cane|disability|help
stethoscope|doctor|heart|medicine
x-ray|bones|doctor|medical|skeleton
door|back|closet|front
elevator|accessibility|hoist|lift
mirror|makeup|reflection|reflector|speculum
window|air|frame|fresh|opening
bed|hotel|sleep
couch and lamp|hotel
chair|seat|sit
toilet|bathroom
plunger|cup|force|plumber|poop
shower|water
bathtub
mouse trap|bait|cheese|lure|mousetrap
razor|sharp|shave
lotion bottle|moisturizer|shampoo|sunscreen
safety pin|diaper|punk|rock
broom|cleaning|sweeping|witch
basket|farming|laundry|picnic
roll of paper|toilet|towels
bucket|cask|pail|vat
soap|bar|bathing|clean|cleaning
bubbles|burp|clean|floating|pearl
toothbrush|bathroom|clean|dental|hygiene
sponge|absorbing|cleaning|porous|soak
fire extinguisher|quench
shopping cart|trolley
cigarette|smoking
coffin|dead|death|vampire
headstone|cemetery|dead|grave|graveyard
funeral urn|ashes|death
nazar amulet|bead|blue|charm|talisman
hamsa|amulet|fatima|fortune|guide
moai|face|moyai|statue|stoneface
placard|demonstration|notice|picket|plaque
identification card|credentials|document|license|security
ATM sign|automated|bank|cash|money
litter in bin sign|litterbin
potable water|drinking
wheelchair symbol|access|handicap
men’s room|bathroom|lavatory|man|restroom
women’s room|bathroom|lavatory|restroom|toilet
restroom|bathroom|lavatory|toilet|wc
baby symbol|changing
water closet|bathroom|lavatory|restroom|toilet
passport control
customs|packing
baggage claim|arrived|bags|case|checked
left luggage|baggage|case|locker
warning|caution
children crossing|pedestrian|traffic
no entry|do|fail|forbidden|not
prohibited|entry|forbidden|no|not
no bicycles|bike|forbidden|not|prohibited
no smoking|forbidden|not|prohibited|smoke
no littering|forbidden|not|prohibited
non-potable water|dry|prohibited
no pedestrians|forbidden|not|prohibited
no mobile phones|cell|forbidden|not|prohibited
no one under eighteen|age|forbidden|not|prohibited
radioactive|sign
biohazard|sign
up arrow|cardinal|direction|north
up-right arrow|direction|intercardinal|northeast
right arrow|cardinal|direction|east
down-right arrow|direction|intercardinal|southeast
down arrow|cardinal|direction|south
down-left arrow|direction|intercardinal|southwest
left arrow|cardinal|direction|west
up-left arrow|direction|intercardinal|northwest
up-down arrow
left-right arrow
right arrow curving left
left arrow curving right
right arrow curving up
right arrow curving down
clockwise vertical arrows|refresh|reload
counterclockwise arrows button|again|anticlockwise|deja|refresh
BACK arrow
END arrow
ON! arrow|mark
SOON arrow|brb|omw
TOP arrow|homie|up
place of worship|pray|religion
atom symbol|atheist
om|hindu|religion
star of David|jew|jewish|judaism|religion
wheel of dharma|buddhist|religion
yin yang|difficult|lives|religion|tao
latin cross|christ|christian|religion
orthodox cross|christian|religion
star and crescent|islam|muslim|ramadan|religion
peace symbol|healing|peaceful
menorah|candelabrum|candlestick|hanukkah|jewish
dotted six-pointed star|fortune|jewish|judaism
khanda|deg|fateh|khalsa|religion
Aries|horoscope|ram|zodiac
Taurus|bull|horoscope|ox|zodiac
Gemini|horoscope|twins|zodiac
Cancer|crab|horoscope|zodiac
Leo|horoscope|lion|zodiac
Virgo|horoscope|zodiac
Libra|balance|horoscope|justice|scales
Scorpio|horoscope|scorpion|scorpius|zodiac
Sagittarius|archer|horoscope|zodiac
Capricorn|goat|horoscope|zodiac
Aquarius|bearer|horoscope|water|zodiac
Pisces|fish|horoscope|zodiac
Ophiuchus|bearer|serpent|snake|zodiac
shuffle tracks button|arrow|crossed
repeat button|arrow|clockwise
repeat single button|arrow|clockwise|once
play button|arrow|right|triangle
fast-forward button|arrow|double
next track button|arrow|scene|triangle
play or pause button|arrow|right|triangle
reverse button|arrow|left|triangle
fast reverse button|arrow|double|rewind
last track button|arrow|previous|scene|triangle
upwards button|arrow|red
fast up button|arrow|double
downwards button|arrow|red
fast down button|arrow|double
pause button|bar|double|vertical
stop button|square
record button|circle
eject button
cinema|camera|film|movie
dim button|brightness|low
bright button|brightness|light
antenna bars|cell|communication|mobile|phone
wireless|broadband|computer|connectivity|hotspot
vibration mode|cell|communication|mobile|phone
mobile phone off|cell|telephone
female sign|woman
male sign|man
transgender symbol
multiply|cancel|multiplication|sign|x
plus
minus|heavy|math|sign
divide|division|heavy|math|sign
heavy equals sign|answer|equality|math
infinity|forever|unbounded|universal
double exclamation mark|bangbang|punctuation
exclamation question mark|interrobang|punctuation
red question mark|punctuation
white question mark|outlined|punctuation
white exclamation mark|outlined|punctuation
red exclamation mark|punctuation
wavy dash|punctuation
currency exchange|bank|money
heavy dollar sign|billion|cash|charge|currency
medical symbol|aesculapius|medicine|staff
recycling symbol|recycle
fleur-de-lis|knights
trident emblem|anchor|poseidon|ship|tool
name badge
Japanese symbol for beginner|chevron|green|leaf|tool
hollow red circle|heavy|large
check mark button|checked|checkmark|complete|completed
check box with check|ballot|checked|done|off
check mark|checked|checkmark|done|heavy
cross mark|cancel|multiplication|multiply|x
cross mark button|multiplication|multiply|square|x
curly loop
double curly loop
part alternation mark
eight-spoked asterisk
eight-pointed star
sparkle
copyright
registered
trade mark|tm|trademark
keycap: #
keycap: *
keycap: 0|zero
keycap: 1|one
keycap: 2|two
keycap: 3|three
keycap: 4|four
keycap: 5|five
keycap: 6|six
keycap: 7|seven
keycap: 8|eight
keycap: 9|nine
keycap: 10
input latin uppercase|abcd|letters
input latin lowercase|abcd|letters
input numbers
input symbols
input latin letters|abc|alphabet
A button (blood type)
AB button (blood type)
B button (blood type)
CL button
COOL button
FREE button
information
ID button|identity
circled M
NEW button
NG button
O button (blood type)
OK button|okay
P button|parking
SOS button|help
UP! button|mark
VS button|versus
Japanese “here” button|katakana
Japanese “service charge” button|katakana
Japanese “monthly amount” button|ideograph
Japanese “not free of charge” button|ideograph
Japanese “reserved” button|ideograph
Japanese “bargain” button|ideograph
Japanese “discount” button|ideograph
Japanese “free of charge” button|ideograph
Japanese “prohibited” button|ideograph
Japanese “acceptable” button|ideograph
Japanese “application” button|ideograph
Japanese “passing grade” button|ideograph
Japanese “vacancy” button|ideograph
Japanese “congratulations” button|ideograph
Japanese “secret” button|ideograph
Japanese “open for business” button|ideograph
Japanese “no vacancy” button|ideograph
red circle|geometric
orange circle
yellow circle
green circle
blue circle|geometric
purple circle
brown circle
black circle|geometric
white circle|geometric
red square|card|penalty
orange square
yellow square|card|penalty
green square
blue square
purple square
brown square
black large square|geometric
white large square|geometric
black medium square|geometric
white medium square|geometric
black medium-small square|geometric
white medium-small square|geometric
black small square|geometric
white small square|geometric
large orange diamond|geometric
large blue diamond|geometric
small orange diamond|geometric
small blue diamond|geometric
red triangle pointed up|geometric
red triangle pointed down|geometric
diamond with a dot|comic|geometric
radio button|geometric
white square button|geometric|outlined
black square button|geometric
chequered flag
triangular flag
crossed flags
black flag
white flag
rainbow flag
transgender flag
pirate flag
flag: Ascension Island
flag: Andorra
flag: United Arab Emirates
flag: Afghanistan
flag: Antigua & Barbuda
flag: Anguilla
flag: Albania
flag: Armenia
flag: Angola
flag: Antarctica
flag: Argentina
flag: American Samoa
flag: Austria
flag: Australia
flag: Aruba
flag: Åland Islands
flag: Azerbaijan
flag: Bosnia & Herzegovina
flag: Barbados
flag: Bangladesh
flag: Belgium
flag: Burkina Faso
flag: Bulgaria
flag: Bahrain
flag: Burundi
flag: Benin
flag: St. Barthélemy
flag: Bermuda
flag: Brunei
flag: Bolivia
flag: Caribbean Netherlands
flag: Brazil
flag: Bahamas
flag: Bhutan
flag: Bouvet Island
flag: Botswana
flag: Belarus
flag: Belize
flag: Canada
flag: Cocos (Keeling) Islands
flag: Congo - Kinshasa
flag: Central African Republic
flag: Congo - Brazzaville
flag: Switzerland
flag: Côte d’Ivoire
flag: Cook Islands
flag: Chile
flag: Cameroon
flag: China
flag: Colombia
flag: Clipperton Island
flag: Costa Rica
flag: Cuba
flag: Cape Verde
flag: Curaçao
flag: Christmas Island
flag: Cyprus
flag: Czechia
flag: Germany
flag: Diego Garcia
flag: Djibouti
flag: Denmark
flag: Dominica
flag: Dominican Republic
flag: Algeria
flag: Ceuta & Melilla
flag: Ecuador
flag: Estonia
flag: Egypt
flag: Western Sahara
flag: Eritrea
flag: Spain
flag: Ethiopia
flag: European Union
flag: Finland
flag: Fiji
flag: Falkland Islands
flag: Micronesia
flag: Faroe Islands
flag: France
flag: Gabon
flag: United Kingdom
flag: Grenada
flag: Georgia
flag: French Guiana
flag: Guernsey
flag: Ghana
flag: Gibraltar
flag: Greenland
flag: Gambia
flag: Guinea
flag: Guadeloupe
flag: Equatorial Guinea
flag: Greece
flag: South Georgia & South Sandwich Islands
flag: Guatemala
flag: Guam
flag: Guinea-Bissau
flag: Guyana
flag: Hong Kong SAR China
flag: Heard & McDonald Islands
flag: Honduras
flag: Croatia
flag: Haiti
flag: Hungary
flag: Canary Islands
flag: Indonesia
flag: Ireland
flag: Israel
flag: Isle of Man
flag: India
flag: British Indian Ocean Territory
flag: Iraq
flag: Iran
flag: Iceland
flag: Italy
flag: Jersey
flag: Jamaica
flag: Jordan
flag: Japan
flag: Kenya
flag: Kyrgyzstan
flag: Cambodia
flag: Kiribati
flag: Comoros
flag: St. Kitts & Nevis
flag: North Korea
flag: South Korea
flag: Kuwait
flag: Cayman Islands
flag: Kazakhstan
flag: Laos
flag: Lebanon
flag: St. Lucia
flag: Liechtenstein
flag: Sri Lanka
flag: Liberia
flag: Lesotho
flag: Lithuania
flag: Luxembourg
flag: Latvia
flag: Libya
flag: Morocco
flag: Monaco
flag: Moldova
flag: Montenegro
flag: St. Martin
flag: Madagascar
flag: Marshall Islands
flag: North Macedonia
flag: Mali
flag: Myanmar (Burma)
flag: Mongolia
flag: Macao SAR China
flag: Northern Mariana Islands
flag: Martinique
flag: Mauritania
flag: Montserrat
flag: Malta
flag: Mauritius
flag: Maldives
flag: Malawi
flag: Mexico
flag: Malaysia
flag: Mozambique
flag: Namibia
flag: New Caledonia
flag: Niger
flag: Norfolk Island
flag: Nigeria
flag: Nicaragua
flag: Netherlands
flag: Norway
flag: Nepal
flag: Nauru
flag: Niue
flag: New Zealand
flag: Oman
flag: Panama
flag: Peru
flag: French Polynesia
flag: Papua New Guinea
flag: Philippines
flag: Pakistan
flag: Poland
flag: St. Pierre & Miquelon
flag: Pitcairn Islands
flag: Puerto Rico
flag: Palestinian Territories
flag: Portugal
flag: Palau
flag: Paraguay
flag: Qatar
flag: Réunion
flag: Romania
flag: Serbia
flag: Russia
flag: Rwanda
flag: Saudi Arabia
flag: Solomon Islands
flag: Seychelles
flag: Sudan
flag: Sweden
flag: Singapore
flag: St. Helena
flag: Slovenia
flag: Svalbard & Jan Mayen
flag: Slovakia
flag: Sierra Leone
flag: San Marino
flag: Senegal
flag: Somalia
flag: Suriname
flag: South Sudan
flag: São Tomé & Príncipe
flag: El Salvador
flag: Sint Maarten
flag: Syria
flag: Eswatini
flag: Tristan da Cunha
flag: Turks & Caicos Islands
flag: Chad
flag: French Southern Territories
flag: Togo
flag: Thailand
flag: Tajikistan
flag: Tokelau
flag: Timor-Leste
flag: Turkmenistan
flag: Tunisia
flag: Tonga
flag: Türkiye
flag: Trinidad & Tobago
flag: Tuvalu
flag: Taiwan
flag: Tanzania
flag: Ukraine
flag: Uganda
flag: U.S. Outlying Islands
flag: United Nations
flag: United States
flag: Uruguay
flag: Uzbekistan
flag: Vatican City
flag: St. Vincent & Grenadines
flag: Venezuela
flag: British Virgin Islands
flag: U.S. Virgin Islands
flag: Vietnam
flag: Vanuatu
flag: Wallis & Futuna
flag: Samoa
flag: Kosovo
flag: Yemen
flag: Mayotte
flag: South Africa
flag: Zambia
flag: Zimbabwe
flag: England
flag: Scotland
flag: Wales`;export{e as words};