"""python -m nsblast"""

from nsblast.cli import main

main()
